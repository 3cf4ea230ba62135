"""`python -m tests.bench [name …] [--quick]`: measures the real product and prints each figure beside its target."""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.up import watch_children_without_threads
from tests.bench import (
    acknowledging,
    agent,
    commands,
    context,
    funnel,
    large_diff,
    largest,
    latency,
    limits,
    memory,
    merge_requests,
    micro,
    precedents,
    prover,
    quality,
    sandboxes,
    throughput,
)
from tests.bench.figures import Figure, table
from tests.bench.pace import pace

# Whether it is a quick run, for a look, or a whole one -> the figures.
Bench = Callable[[bool], Awaitable[Sequence[Figure]]]

BENCHES: Mapping[str, tuple[str, Bench]] = {
    "ack-sqlite": ("Acknowledgement, SQLite", acknowledging.on_sqlite),
    "ack-postgresql": ("Acknowledgement, PostgreSQL", acknowledging.on_postgresql),
    "ack-without-temporal": ("Acknowledgement while Temporal is down", acknowledging.without_temporal),
    "latency": ("From webhook to posted review, one at a time", latency.measure),
    "commands": ("What a person waits for a command", commands.measure),
    "throughput": ("Reviews a minute, 20 at once over 10 installations", throughput.measure),
    "memory": ("Memory and start", memory.measure),
    "context": ("What a first prompt knows of 400,000 lines", context.measure),
    "large-diff": ("A diff of 20,000 lines", large_diff.measure),
    "largest": ("3,000 files and 100,000 lines, read whole", largest.measure),
    "merge-requests": ("Merge requests beside pull requests", merge_requests.measure),
    "limits": ("A thousand pushes on one installation", limits.measure),
    "micro": ("The small parts", micro.measure),
    "sandboxes": ("Sandboxes", sandboxes.measure),
    "precedents": ("What was rejected before, looked through", precedents.measure),
    "prover": ("Right, wrong and poisoned fixes through the prover", prover.measure),
    "funnel": ("Bugs and poisoned fixes through the whole product", funnel.measure),
    "agent": ("An agent's 200 steps in Temporal's history", agent.measure),
    "quality": ("What the reviewers find of what is planted", quality.measure),
}


def main() -> int:
    """1 when a target was missed, so that a script can tell."""
    wanted = _arguments()
    # As the product does; the fake forge starts git as often.
    watch_children_without_threads()
    missed = 0
    _say(f"Pace of this machine, for a fixed loop of Python: {pace()}. Times grow and shrink with it.")
    for name in wanted.name or BENCHES:
        title, bench = BENCHES[name]
        began = time.monotonic()
        figures = asyncio.run(_measured(bench, wanted.quick))
        missed += sum(figure.missed for figure in figures)
        took = time.monotonic() - began
        _say(table(f"{title} ({name}, {took:.0f} s{', quick' if wanted.quick else ''})", figures))
        _say(f"  Pace after it: {pace()}.")
    return 1 if missed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="poe bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which of {', '.join(BENCHES)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size: shows that it works, proves little")
    wanted = parser.parse_args()
    if unknown := [name for name in wanted.name if name not in BENCHES]:
        parser.error(f"There is no bench {unknown[0]!r}; there are {', '.join(BENCHES)}.")
    return wanted


async def _measured(bench: Bench, quick: bool) -> Sequence[Figure]:
    return await bench(quick)


if __name__ == "__main__":
    sys.exit(main())
