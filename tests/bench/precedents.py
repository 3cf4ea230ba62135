"""How long a review looks through what people rejected before: 5,000 verdicts, and ten new findings."""

import asyncio
import time
from collections.abc import Sequence

from app.domain.findings import Category, Finding, Place, Severity
from app.domain.past_verdicts import MOST_VERDICTS, PastVerdict
from reviewers.stages.precedents import held_back
from tests.bench.figures import Figure

_NEW = 10
_WORDS = [
    "refund",
    "webhook",
    "retried",
    "timeout",
    "seconds",
    "cache",
    "currency",
    "rate",
    "password",
    "compared",
    "constant",
    "connection",
    "closed",
    "after",
    "exception",
    "page",
    "skips",
    "element",
    "index",
    "grows",
    "bound",
    "load",
    "lock",
    "released",
    "write",
    "header",
    "parsed",
    "encoding",
    "column",
    "dropped",
]


async def measure(quick: bool) -> Sequence[Figure]:
    """Processor time of the one thread that does it; reviews wait for it, the event loop does not."""
    count = MOST_VERDICTS // 10 if quick else MOST_VERDICTS
    past = [PastVerdict(text=_text(at), verdict="rejected", pull_request_number=at) for at in range(count)]
    new = [_finding(at) for at in range(_NEW)]
    began = time.process_time()
    held = await asyncio.to_thread(held_back, new, past)
    return [
        Figure("processor time", time.process_time() - began, "s", 2.5),
        Figure("    past verdicts", count),
        Figure("    held back", len(held), "", _NEW),
    ]


def _text(at: int) -> str:
    """About 60 words, of which every eighth finding shares most."""
    words = [_WORDS[(at * step + step * step) % len(_WORDS)] for step in range(1, 50)]
    return f"Case {at} goes wrong\n{' '.join(words)} in function_{at % 97} of module_{at % 31}"


def _finding(at: int) -> Finding:
    title, _, body = _text(at).partition("\n")
    return Finding(
        reviewer="bug_hunter",
        rule="correctness",
        category=Category.CORRECTNESS,
        severity=Severity.MEDIUM,
        title=title,
        body=body,
        place=Place(path="a.py", start_line=1, line=1),
        quote="x",
    )
