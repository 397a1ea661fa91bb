"""One BLAS thread a process: tests run side by side, and their matrices are small."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")  # no window
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # read when numpy and scikit-learn are imported
