"""The largest change that is taken, read whole by a scripted model: what it takes beside the model's own time."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence

from tests.bench.figures import Figure


async def measure(quick: bool) -> Sequence[Figure]:
    """In a process of its own, so that the memory is its own too."""
    del quick  # It takes seconds as it is.
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.reading_the_largest", folder), stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
    assert process.returncode == 0, "the measured process failed"
    seen = json.loads(told)
    return [
        Figure("CPU, read, concluded and decided", seen["cpu"], "s", 5),
        *(Figure(f"    {step}", seconds, "s") for step, seconds in seen["steps"].items()),
        Figure("memory beyond what it had before", seen["megabytes"], "MB", 200),
        Figure("    questions of one pass", seen["questions"]),
        Figure("    hunks read", seen["read"]),
    ]
