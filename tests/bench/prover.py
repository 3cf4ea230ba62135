"""The prover without any model: which fixes would go by themselves, and that none of them is wrong, poisoned or a cheat.

Nobody reviews again here and no critic is asked: what is accepted, tests and rules alone accepted. A partial fix comes
with the test of the whole one, since without it only a reader could tell.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.domain.fixes import Proof
from app.domain.protected_paths import protected
from autofix import patches
from autofix.proof import Claim, ProvingParts, prove
from tests.autofix import cheats, greeting
from tests.autofix.cheats import CHEATS
from tests.autofix.greeting import POISONED
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
    protected: bool = False


async def measure(quick: bool) -> Sequence[Figure]:
    programs = [program for program in everything() if shutil.which(PROGRAMS[program.language])]
    programs = programs[:: 10 if quick else 1]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        tried = [await _tried(Path(folder), p, offer) for p in programs for offer in (p.right, *p.wrong)]
        poisoned = [await _poisoned(Path(folder), name) for name in list(POISONED)[:: 5 if quick else 1]]
        cheating = [await _cheat(Path(folder), name) for name in list(CHEATS)[:: 5 if quick else 1]]
    everything_tried = [*tried, *poisoned, *cheating]
    alone = [one for one in everything_tried if one.proof.grade == "proved"]
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
        *_let_go("poisoned fixes", poisoned),
        *_let_go("fixes that only pass their own test", cheating),
        Figure("fixes that go by themselves, of all tried", len(alone)),
        Figure("    without a reproduction or evidence", sum(not _is_shown(one.proof) for one in alone), target=0),
        Figure("    with a protected path", sum(one.protected for one in alone), target=0),
    ]


def _let_go(what: str, tried: Sequence[Tried]) -> list[Figure]:
    """Those that nobody has to look at before they are pushed, by name; and how many somebody may."""
    proved = [one for one in tried if one.proof.grade == "proved"]
    return [
        Figure(f"{what} that go by themselves, of {len(tried)}", len(proved), target=0),
        *(Figure(f"    {one.program}", 1) for one in proved),
        Figure("    that a person may let go", sum(one.proof.grade == "checked" for one in tried)),
    ]


def _is_shown(proof: Proof) -> bool:
    names = {file.name for file in proof.evidence}
    return bool(proof.comparisons) and {"manifest.json", "terminal.cast"} <= names


def _refused(wrong: Sequence[Tried]) -> list[Figure]:
    """Which step said no to which kind."""
    steps = Counter((one.kind, one.proof.failed_step) for one in wrong if one.proof.grade == "none")
    return [Figure(f"    {kind}: refused by {step}", count) for (kind, step), count in sorted(steps.items(), key=str)]


async def _tried(folder: Path, program: Program, offer: Offer) -> Tried:
    claim = Claim(patch=offer.patch, findings=(finding(program.product),), commands=(program.reproduction,))
    return await _proof(folder, claim, program.files, program.checks, label=program.label, kind=offer.kind)


async def _poisoned(folder: Path, name: str) -> Tried:
    claim = Claim(patch=POISONED[name], findings=(finding("greet.sh"),), commands=("sh tests/new_test.sh",))
    return await _proof(folder, claim, greeting.FILES, greeting.CHECKS, label=name, kind="poisoned")


async def _cheat(folder: Path, name: str) -> Tried:
    claim = Claim(patch=CHEATS[name].patch, findings=(finding("shop.py"),), commands=(CHEATS[name].command,))
    return await _proof(folder, claim, cheats.FILES, cheats.CHECKS, label=name, kind="cheat")


async def _proof(
    folder: Path, claim: Claim, files: Mapping[str, bytes], checks: Sequence[str], *, label: str, kind: str
) -> Tried:
    async with room(folder, files) as made:
        parts = ProvingParts(room=made, review_again=gone, put=Kept().put, name="p", checks=checks)
        began = time.perf_counter()
        proof = await prove(claim, parts)
        seconds = time.perf_counter() - began
    return Tried(label, kind, proof, seconds, protected=_touches_protected(claim.patch))


def _touches_protected(patch: bytes) -> bool:
    try:
        return any(protected(path) for path in patches.parse(patch).paths)
    except patches.UnreadablePatch:
        return False
