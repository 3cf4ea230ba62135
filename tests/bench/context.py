"""What a first prompt knows beyond its hunks: a change of 500 lines in a made repository of 400,000."""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.llm.prices import estimate_tokens
from reviewers.base import Change
from reviewers.context.references import References, references, told
from tests.bench.figures import Figure
from tests.harness.changes import change_of

_FILES, _LINES = 2_000, 200
_CHANGED = 10


async def measure(quick: bool) -> Sequence[Figure]:
    """Cold is the first time, the grammar not yet loaded; a page cache is warm both times."""
    del quick  # It takes seconds as it is.
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        change = await asyncio.to_thread(_change, Path(folder))
        times: list[float] = []
        about: References = {}
        for _ in range(2):
            began = time.perf_counter()
            about = await references(change)
            times.append(time.perf_counter() - began)
    known = told(about, [file.path for file in change.diff.reviewable])
    return [
        Figure("cold", times[0], "s", 3),
        Figure("warm", times[1], "s", 0.3),
        Figure("    changed lines", sum(file.changed_line_count for file in change.diff.reviewable)),
        Figure("    lines told", known.count("\n") + 1),
        Figure("    tokens", estimate_tokens(known), "", 3_100),
    ]


def _change(folder: Path) -> Change:
    base = {f"part_{at % 40}/module_{at}.py": "".join(_module(at, 1)) for at in range(_FILES)}
    changed = {path: "".join(_module(at, 2)) for at, path in enumerate(base) if at < _CHANGED}
    return change_of(folder, base, {**base, **changed})


def _module(number: int, version: int) -> Iterator[str]:
    """Forty functions of five lines; the second version changes one line in most of them."""
    for at in range(_LINES // 5):
        changed = version if at < 25 else 1
        yield f"def compute_{number}_{at}(order, amount):\n"
        yield f"    first = compute_{(number * 7 + at) % _FILES}_{at}(order, amount)\n"
        yield f"    total = first + amount * {changed}\n"
        yield "    return total\n\n"
