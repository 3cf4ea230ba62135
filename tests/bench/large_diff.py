"""A change of 20,000 lines, the most a forge shows: read by real git, a finding placed in every file, and reported."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure


async def measure(quick: bool) -> Sequence[Figure]:
    """In a process of its own, so that the memory is its own too."""
    del quick  # It takes seconds as it is.
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.reading_a_large_diff", str(Path(folder))),
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate()
    assert process.returncode == 0, "the measured process failed"
    seen = json.loads(told)
    return [
        Figure("parsed, placed and reported", seen["seconds"], "s", 3),
        *(Figure(f"    {step}", seconds, "s") for step, seconds in seen["steps"].items()),
        Figure("    CPU", seen["cpu"], "s"),
        Figure("memory beyond what it had before", seen["megabytes"], "MB", 150),
        Figure("    changed lines", seen["lines"]),
        Figure("    findings placed", seen["placed"]),
    ]
