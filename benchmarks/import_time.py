"""Time that `import skprune` adds to importing the scikit-learn packages that it uses.

Each process first imports those packages and then measures the CPU seconds of importing
skprune. Other processes and the import of scikit-learn do not count. The script prints
the median over the processes.

    python benchmarks/import_time.py
"""

import os
import statistics
import subprocess
import sys

BASE = "import sklearn.linear_model, sklearn.neural_network, sklearn.ensemble"
HEAVY = {"torch", "skorch", "matplotlib", "onnx", "pandas", "polars"}
LIMIT = 0.050  # s
N_RUNS = 15


def seconds(first, timed):
    """Time an import statement in a fresh interpreter, after another one."""
    code = (
        f"import time; {first}; start = time.process_time(); "
        f"{timed}; print(time.process_time() - start)"
    )
    return float(_output(code))


def heavy_modules():
    """List the optional packages that `import skprune` imports."""
    code = (
        f"{BASE}; import sys; before = set(sys.modules); import skprune; "
        f"print(*({HEAVY!r} & (sys.modules.keys() - before)))"
    )
    return _output(code).split()


def _output(code):
    # bytecode is written, as by an installation
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return run.stdout


def main():
    seconds(BASE, "import skprune")  # fills the disk cache and writes bytecode
    base = statistics.median([seconds("pass", BASE) for _ in range(3)])
    times = [seconds(BASE, "import skprune") for _ in range(N_RUNS)]
    added, spread = statistics.median(times), (min(times), max(times))
    print(f"scikit-learn packages       {base * 1e3:7.1f} ms")
    print(
        f"added by skprune            {added * 1e3:7.1f} ms (limit {1e3 * LIMIT:.0f}; "
        f"{N_RUNS} runs from {spread[0] * 1e3:.1f} to {spread[1] * 1e3:.1f})"
    )
    print(f"optional packages imported: {', '.join(heavy_modules()) or 'none'}")
    sys.exit(added > LIMIT or bool(heavy_modules()))


if __name__ == "__main__":
    main()
