"""Keeps other programs of the same user out of this process's memory, where keys and tokens are."""

import sys

# prctl(2): nobody may attach to this process or read its memory, and a crash leaves no core file.
PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """For this process only: a program that it starts is as readable as any. Elsewhere than on Linux, nothing."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0)
