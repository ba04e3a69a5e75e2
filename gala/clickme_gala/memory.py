"""The memory of a step is kept for the next one."""

import ctypes

# Of mallopt (glibc's malloc.h).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def keep_memory() -> None:
    """Have glibc hold on to memory that is done with, for as long as this process lives.

    It would give every tensor of more than 32 MB back to the system, which zeroes the pages of the next one.
    Without glibc it does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
        mallopt(M_TOP_PAD, 2**26)
