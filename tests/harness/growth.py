"""How work grows with its input: told by comparing two sizes, so that a slow or busy machine does not matter."""

import math
import time
from collections.abc import Callable

# Linear work has 1 and quadratic work 2; what is fixed and what caches do moves it a little.
LINEAR = 1.6


def growth(work: Callable[[int], object], size: int, times: int = 8) -> float:
    """The power of its size with which the work grows, by the processor time of the quickest of three tries."""
    small, large = _quickest(work, size), _quickest(work, size * times)
    return math.log(large / small, times)


def _quickest(work: Callable[[int], object], size: int) -> float:
    return max(1e-9, min(_seconds(work, size) for _ in range(3)))


def _seconds(work: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    work(size)
    return time.thread_time() - began
