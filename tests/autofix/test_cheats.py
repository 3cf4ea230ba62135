"""Fixes that pass their own test and mend nothing are never proved, by what they say or by what they do."""

from pathlib import Path

import pytest

from app.domain.fixes import Proof
from autofix import patches, verify_tests
from autofix.proof import Claim, ProvingParts, prove
from autofix.verify_doubts import doubt
from autofix.verify_files import parted
from autofix.verify_special_cases import special_case
from tests.autofix.cheats import CHEATS, CHECKS, CODE, FILES, RIGHT, Cheat
from tests.autofix.prover_corpus import everything
from tests.autofix.proving import Kept, finding, gone
from tests.autofix.rooms import need, room


def objections(cheat: Cheat) -> list[str]:
    """What the rules alone have against it."""
    patch = patches.parse(cheat.patch)
    pieces = parted(patch, {"shop.py"}, {"shop.py": CODE})
    reads = "reads the code" if verify_tests.reads_the_code(cheat.command, patch, pieces) else ""
    said = (
        verify_tests.objection(patch, pieces),
        reads,
        special_case(pieces, [CODE]),
        doubt(pieces, [CODE], [cheat.command]),
    )
    return [words for words in said if words]


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_seen_without_running_it(name: str) -> None:
    assert objections(CHEATS[name])


def test_the_right_fix_leaves_no_doubt() -> None:
    assert objections(RIGHT) == []


def test_doubts_leave_honest_fixes_alone() -> None:
    doubted: list[str] = []
    for program in everything():
        patch = patches.parse(program.right.patch)
        heads = {path: content.decode() for path, content in program.files.items()}
        pieces = parted(patch, {program.product}, heads)
        if said := doubt(pieces, [heads[file.old_path] for file in pieces.product], [program.reproduction]):
            doubted.append(f"{program.label}: {said}")
    assert doubted == []


async def proof_of(cheat: Cheat, folder: Path) -> Proof:
    need("bwrap")
    claim = Claim(patch=cheat.patch, findings=(finding("shop.py", line=3),), commands=(cheat.command,))
    async with room(folder, FILES) as made:
        parts = ProvingParts(room=made, review_again=gone, put=Kept().put, name="proof-01-1", checks=CHECKS)
        return await prove(claim, parts)


async def test_what_leaves_a_doubt_waits_for_a_person(tmp_path: Path) -> None:
    proof = await proof_of(CHEATS["the environment of the checks"], tmp_path)
    assert (proof.grade, proof.reason) == ("checked", "the fix depends on where it runs (shop.py:4)")
