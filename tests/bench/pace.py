"""How fast this machine is just now: shared ones differ by half from one hour to the next."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median


def pace() -> str:
    """A fixed loop of Python, alone and in as many processes as there are processors: some slow down only then."""
    processors = os.cpu_count() or 1
    with ProcessPoolExecutor(processors, mp_context=get_context("spawn")) as pool:
        [alone] = pool.map(_loop, [5])
        together = max(pool.map(_loop, [20] * processors))
    return f"{alone:.0f} ms alone, {together:.0f} ms on all processors at once"


def _loop(times: int) -> float:
    """The median, in milliseconds."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        _ = sum(number * number for number in range(1_000_000))
        took.append(1000 * (time.perf_counter() - began))
    return median(took)
