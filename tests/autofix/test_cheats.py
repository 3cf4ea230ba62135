"""Fixes that pass their own test and mend nothing are never proved, by what they say or by what they do."""

from pathlib import Path

import pytest

from app.domain.fixes import Proof
from autofix import patches, verify_tests
from autofix.evidence import Evidence
from autofix.proof import Claim, ProvingParts, prove
from autofix.verify import NotProved, Reproduction, Verification
from autofix.verify_doubts import doubt
from autofix.verify_files import parted
from autofix.verify_sides import Sides, SidesFailed
from autofix.verify_special_cases import special_case
from tests.autofix.cheats import BLINDING, CHEATS, CHECKS, CODE, FILES, RIGHT, Cheat
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


async def test_a_new_test_cannot_make_the_old_ones_look_away(tmp_path: Path) -> None:
    proof = await proof_of(BLINDING, tmp_path)
    assert (proof.grade, proof.failed_step, proof.reason) == ("none", "checks", "test_adds fails with it")


# Each turns green every other time that it runs, and leaves the note on that in another place.
FORGETFUL = (
    "a test that passes every other time",
    "a test that leaves a process behind",
    "a test that knows its number",
    "a command that remembers",
)


@pytest.mark.parametrize("name", FORGETFUL)
async def test_no_run_knows_which_one_it_is(tmp_path: Path, name: str) -> None:
    """Without a look at what the test says: its runs alone tell."""
    need("bwrap")
    cheat = CHEATS[name]
    patch = patches.parse(cheat.patch)
    async with room(tmp_path, FILES) as made:
        sides = Sides(made, patch, scratch="/tmp/proof/p")  # noqa: S108 - inside the sandbox
        await sides.begin()
        sides.divide(parted(patch, {"shop.py"}))
        # Of the orders of runs, the one that turns by turns would suit.
        verification = Verification(room=made, sides=sides, evidence=Evidence(), name="p", secret="1")
        one = Reproduction(cheat.command, lambda run: verification.command(cheat.command, run))
        with pytest.raises(NotProved, match="still fails with the fix"):
            await verification.reproduce([one], ["test_fix.py"])


async def test_a_run_that_changes_what_is_known_of_the_folder_ends_the_proof(tmp_path: Path) -> None:
    need("bwrap")
    patch = patches.parse(RIGHT.patch)
    async with room(tmp_path, FILES) as made:
        sides = Sides(made, patch, scratch="/tmp/proof/p")  # noqa: S108
        await sides.begin()
        await made.run(("/bin/sh", "-c", "printf './flag\\0' >> /tmp/proof/p/files; touch flag"))
        with pytest.raises(SidesFailed, match="a run changed the list of files"):
            await sides.show("head")
