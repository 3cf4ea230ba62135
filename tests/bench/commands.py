"""How long a person waits for a command: from the comment to the emoji that says what became of it."""

import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from app.forges.fake.pull_scenario import FakePullRequest
from tests.bench.figures import Figure, percentile
from tests.bench.product import up
from tests.bench.world import INSTALLATIONS, World, script, world

# A person who waits longer looks whether we are there at all.
MOST_SECONDS = 5
WORDS = ("status", "help", "config", "dismiss 1 wont-fix", "pause", "resume", "aply 1")
ENDS = {"+1", "confused"}


async def measure(quick: bool) -> Sequence[Figure]:
    """At both latencies each word is said once on every pull request, or on the first two in a quick run."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with world() as made, up(
            Path(folder) / "home", made.forge, made.credentials, model=script(Path(folder))
        ) as product:  # fmt: skip
            assert product.started_in
            opened = [await made.open(*one) for one in await made.prepare(2 if quick else INSTALLATIONS)]
            for pull_request in opened:
                await made.reviewed(pull_request)
            return [*await _at(made, opened, 0), *await _at(made, opened, 100)]


async def _at(made: World, opened: Sequence[FakePullRequest], milliseconds: int) -> list[Figure]:
    made.slow_down(timedelta(milliseconds=milliseconds))
    seen: list[float] = []
    done: list[float] = []
    for word in WORDS:
        for pull_request in opened:
            await _say(made, pull_request, word, seen, done)
    at = f"forge at {milliseconds} ms: "
    return [
        Figure(f"{at}a command is seen p95", percentile(seen, 0.95), "s"),
        Figure(f"{at}a command is answered p50", percentile(done, 0.5), "s"),
        Figure(f"{at}a command is answered, the longest", max(done), "s", MOST_SECONDS),
    ]


async def _say(made: World, pull_request: FakePullRequest, word: str, seen: list[float], done: list[float]) -> None:
    began = time.monotonic()
    comment = pull_request.comment(f"/corrigent {word}")
    await made.forge.wait_until(lambda: comment.reactions, timeout=60)
    seen.append(time.monotonic() - began)
    await made.forge.wait_until(lambda: any(one.content in ENDS for one in comment.reactions), timeout=60)
    done.append(time.monotonic() - began)
