"""The memory of the process, as Linux counts it.

Trees of scikit-learn are not in memory that Python traces.
"""

import ctypes
import gc


def status(name):
    """A number of bytes that Linux tells of this process."""
    with open("/proc/self/status", encoding="ascii") as lines:
        [line] = [line for line in lines if line.startswith(name)]
    return 1024 * int(line.split()[1])


def trim():
    """Give freed memory back, which else is not seen to be used again."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)


def held_memory(function, *args, **options):
    """What a call returns, and how far the memory of the process has risen after it."""
    trim()
    before = status("VmRSS")
    result = function(*args, **options)
    trim()
    return result, status("VmRSS") - before


def peak_memory(function, *args, **options):
    """What a call returns, and how far the memory of the process rose meanwhile."""
    trim()
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak is that from here on
    before = status("VmRSS")
    result = function(*args, **options)
    return result, status("VmHWM") - before
