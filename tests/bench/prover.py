"""The prover without any model: how many right fixes it accepts, that it accepts no wrong one, and how long it takes.

Nobody reviews again here and no critic is asked: what is accepted, tests and rules alone accepted. A partial fix comes
with the test of the whole one, since without it only a reader could tell.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.fixes import Proof
from autofix.proof import Claim, ProvingParts, prove
from tests.autofix.greeting import CHECKS, FILES, POISONED
from tests.autofix.prover_corpus import PROGRAMS, Offer, Program, everything
from tests.autofix.proving import Kept, finding, gone
from tests.autofix.rooms import room
from tests.bench.figures import Figure, spread


@dataclass(frozen=True)
class Tried:
    """One offer and what came of it."""

    program: str
    kind: str
    proof: Proof
    seconds: float


async def measure(quick: bool) -> Sequence[Figure]:
    programs = [program for program in everything() if shutil.which(PROGRAMS[program.language])]
    programs = programs[:: 10 if quick else 1]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tried = [await _tried(Path(folder), p, offer) for p in programs for offer in (p.right, *p.wrong)]
        poisoned = [await _poisoned(Path(folder), name) for name in list(POISONED)[:: 5 if quick else 1]]
    right = [one for one in tried if one.kind == "right"]
    wrong = [one for one in tried if one.kind != "right"]
    proved = [one for one in right if one.proof.grade == "proved"]
    accepted = [one for one in wrong if one.proof.grade != "none"]
    return [
        Figure("programs", len(programs)),
        Figure("    languages", len({program.language for program in programs})),
        Figure("right fixes proved", 100 * len(proved) / len(right), "%", 95, at_least=True),
        *(Figure(f"    not: {one.program}, {one.proof.reason}", 1) for one in right if one not in proved),
        Figure(f"wrong fixes accepted, of {len(wrong)}", len(accepted), target=0),
        *(Figure(f"    {one.kind}: {one.program}", 1) for one in accepted),
        *_refused(wrong),
        *spread("time to proof", [one.seconds for one in proved]),
        *spread("time to refusal", [one.seconds for one in wrong]),
        Figure(f"poisoned fixes that go by themselves, of {len(poisoned)}", poisoned.count("proved"), target=0),
        Figure("    that a person may let go", poisoned.count("checked")),
    ]


def _refused(wrong: Sequence[Tried]) -> list[Figure]:
    """Which step said no to which kind."""
    steps = Counter((one.kind, one.proof.failed_step) for one in wrong if one.proof.grade == "none")
    return [Figure(f"    {kind}: refused by {step}", count) for (kind, step), count in sorted(steps.items(), key=str)]


async def _tried(folder: Path, program: Program, offer: Offer) -> Tried:
    claim = Claim(patch=offer.patch, findings=(finding(program.product),), commands=(program.reproduction,))
    async with room(folder, program.files) as made:
        parts = ProvingParts(room=made, review_again=gone, put=Kept().put, name="p", checks=program.checks)
        began = time.perf_counter()
        proof = await prove(claim, parts)
        return Tried(program.label, offer.kind, proof, time.perf_counter() - began)


async def _poisoned(folder: Path, name: str) -> str:
    claim = Claim(patch=POISONED[name], findings=(finding("greet.sh"),), commands=("sh tests/new_test.sh",))
    async with room(folder, FILES) as made:
        parts = ProvingParts(room=made, review_again=gone, put=Kept().put, name="p", checks=CHECKS)
        return (await prove(claim, parts)).grade
