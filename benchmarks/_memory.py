"""Memory of the process, as counted by Linux.

The tracing of Python does not see the trees of scikit-learn.
"""

import ctypes
import gc


def status(name):
    """Read a number of bytes from the status of this process."""
    with open("/proc/self/status", encoding="ascii") as lines:
        [line] = [line for line in lines if line.startswith(name)]
    return 1024 * int(line.split()[1])


def trim():
    """Return freed memory to the system, so that its reuse is counted."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


def held_memory(function, *args, **options):
    """Call a function; return its result and the increase of memory after the call."""
    trim()
    before = status("VmRSS")
    result = function(*args, **options)
    trim()
    return result, status("VmRSS") - before


def peak_memory(function, *args, **options):
    """Call a function; return its result and the peak increase of memory during it."""
    trim()
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # resets the peak
    before = status("VmRSS")
    result = function(*args, **options)
    return result, status("VmHWM") - before
