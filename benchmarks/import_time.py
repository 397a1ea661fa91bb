"""What `import skprune` adds to importing the scikit-learn packages that it serves.

Each import runs in a process of its own, the two alternating; medians are printed.

    python benchmarks/import_time.py
"""

import os
import statistics
import subprocess
import sys

BASE = "import sklearn.linear_model, sklearn.neural_network, sklearn.ensemble"
WITH = f"{BASE}, skprune"
HEAVY = {"torch", "skorch", "matplotlib", "onnx", "pandas", "polars"}
LIMIT = 0.050  # s
N_RUNS = 15


def seconds(imports):
    """Wall time of an import statement in a fresh interpreter, without its start."""
    code = (
        "import time; start = time.perf_counter(); "
        f"{imports}; print(time.perf_counter() - start)"
    )
    return float(_output(code))


def heavy_modules():
    """Which of the optional packages `import skprune` brings in."""
    code = (
        f"{BASE}; import sys; before = set(sys.modules); import skprune; "
        f"print(*({HEAVY!r} & (sys.modules.keys() - before)))"
    )
    return _output(code).split()


def _output(code):
    # bytecode is written, as it is by an installation
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
    seconds(WITH)  # fills the disk cache and writes bytecode
    pairs = [(seconds(BASE), seconds(WITH)) for _ in range(N_RUNS)]
    base, both = (statistics.median(times) for times in zip(*pairs))
    added = statistics.median(b - a for a, b in pairs)
    print(f"scikit-learn packages       {base * 1e3:7.1f} ms (median of {N_RUNS})")
    print(f"the same and skprune        {both * 1e3:7.1f} ms")
    print(
        f"added by skprune            {added * 1e3:7.1f} ms (limit {1e3 * LIMIT:.0f})"
    )
    print(f"optional packages imported: {', '.join(heavy_modules()) or 'none'}")
    sys.exit(added > LIMIT or bool(heavy_modules()))


if __name__ == "__main__":
    main()
