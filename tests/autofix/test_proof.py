"""Proofs in real sandboxes: what is proved, what is only checked, and what is refused, with the step that said no."""

import json
from pathlib import Path

import pytest

from app.domain.fixes import Proof, SecondLook
from autofix.critic import Proposal
from autofix.patches_content import make
from autofix.proof import Claim, ProvingParts, Reviewed, prove
from tests.autofix.greeting import CHECKS, CODE, FILES, GOOD, MENDED, NEW_TEST, patch
from tests.autofix.prover_corpus import PROGRAMS, Program, programs
from tests.autofix.proving import Kept, finding, gone
from tests.autofix.rooms import need, room


async def proof_of(
    tmp_path: Path, text: bytes, *, commands: tuple[str, ...] = ("sh tests/new_test.sh",), **parts: object
) -> Proof:
    need("bwrap")
    kept = Kept()
    claim = Claim(patch=text, findings=(finding("greet.sh", line=2),), commands=commands)
    async with room(tmp_path / "rooms", FILES) as made:
        words = {"room": made, "review_again": gone, "put": kept.put, "name": "p", "checks": CHECKS, **parts}
        return await prove(claim, ProvingParts(**words))  # pyright: ignore[reportArgumentType] - tests give some of the parts by name


async def test_a_fix_with_its_test_is_proved_and_leaves_evidence(tmp_path: Path) -> None:
    need("bwrap")
    kept = Kept()
    claim = Claim(patch=GOOD, findings=(finding("greet.sh"),), commands=("sh tests/new_test.sh",))
    async with room(tmp_path / "rooms", FILES) as made:
        parts = ProvingParts(
            room=made,
            review_again=gone,
            put=kept.put,
            name="p",
            checks=CHECKS,
            sandbox="bubblewrap",
            pictures=(b"png",),
        )
        proof = await prove(claim, parts)
        # Another try after a crash finds what ran already, and comes to the same end.
        again = await prove(claim, parts)
    assert (proof.grade, proof.failed_step, proof.reason) == ("proved", None, "")
    assert proof.second_look is None
    assert again.comparisons == proof.comparisons
    assert [(row.what, row.is_new, row.before, row.after, row.held) for row in proof.comparisons] == [
        ("sh tests/new_test.sh", True, "1 fail", "pass", True),
        (f"the repository's checks, {CHECKS[0]}", False, "1 pass", "2 pass", True),
        ("finding 1, reviewed again", False, "present", "gone", True),
    ]
    manifest = json.loads(kept.files["manifest.json"])
    assert manifest["verdict"] == "proved"
    assert [command["side"] for command in manifest["commands"]] == [
        "head",
        "head",
        "fixed",
        "head",
        "fixed",
        "fixed",
        "fixed",
    ]
    assert {file["name"] for file in manifest["files"]} == kept.files.keys() - {"manifest.json"}
    assert kept.files["picture-01.png"] == b"png"
    assert b"not ok 1 - nobody" in kept.files["02-head.log"]
    assert [file.blob_key for file in proof.evidence if file.name == "terminal.cast"] == ["key/terminal.cast"]


STATEFUL = "[ -e /tmp/flag ] || { touch /tmp/flag; echo 'not ok 1 - a'; exit 1; }\necho 'ok 1 - a'\necho 1..1\n"
SETS_TWO = 'greet() {\n  [ -z "$1" ] && set -- you\n  echo "Hello $1"\n}\n'


@pytest.mark.parametrize(
    ("text", "commands", "step", "reason"),
    [
        (b"garbage", (), "patch", "is not the beginning of a file"),
        (make("greet.sh", b"other\n", b"more\n"), (), "patch", "is not what the patch was made on"),
        (patch(tests__new_test_dot_sh=NEW_TEST), (), "patch", "changes no code but tests"),
        (GOOD + make(".github/workflows/x.yml", None, b"x\n"), (), "policy", "is protected"),
        (patch(greet_dot_sh=MENDED, tests__new_test_dot_sh=NEW_TEST.replace("greet)", "greet Ada)").replace("you", "Ada")), ("sh tests/new_test.sh",), "reproduction", "passes without the fix too"),
        (patch(greet_dot_sh=CODE + "# nothing\n", tests__new_test_dot_sh=NEW_TEST), ("sh tests/new_test.sh",), "reproduction", "nobody still fails with the fix"),
        (patch(greet_dot_sh=MENDED, tests__new_test_dot_sh=STATEFUL), ("sh tests/new_test.sh",), "reproduction", "still fails with the fix"),
        (patch(greet_dot_sh=MENDED, tests__new_test_dot_sh="hello_new\n"), ("sh tests/new_test.sh",), "reproduction", "its command is not there"),
        (patch(greet_dot_sh=MENDED), ("grep -q ':-you' greet.sh",), "reproduction", "reads the code instead of running it"),
        (patch(greet_dot_sh=MENDED.replace("Hello", "Hi").replace("you", "you"), tests__new_test_dot_sh=NEW_TEST.replace("Hello", "Hi")), ("sh tests/new_test.sh",), "checks", "name fails with it"),
        (patch(greet_dot_sh='greet() {\n  [ "$*" = "" ] && set -- you\n  echo "Hello $1"\n}\n', greet2_dot_sh="x\n", tests__old_test_dot_sh=None), (), "patch", "deletes tests/old_test.sh"),
    ],
    ids=["garbage", "another head", "only tests", "ci", "green on head", "no fix", "stateful test", "missing command", "reads the code", "breaks a test", "deleted test"],
)  # fmt: skip
async def test_a_wrong_fix_is_refused_with_the_step_that_said_no(
    tmp_path: Path, text: bytes, commands: tuple[str, ...], step: str, reason: str
) -> None:
    proof = await proof_of(tmp_path, text, commands=commands)
    assert (proof.grade, proof.failed_step) == ("none", step)
    assert reason in proof.reason
    assert not proof.reason.endswith(".")


async def test_without_a_failing_test_a_fix_is_only_checked(tmp_path: Path) -> None:
    proof = await proof_of(tmp_path, patch(greet_dot_sh=MENDED), commands=())
    assert (proof.grade, proof.reason) == ("checked", "no failing test could be made")


async def test_checks_that_fail_anyway_prove_nothing(tmp_path: Path) -> None:
    proof = await proof_of(tmp_path, GOOD, checks=("exit 3",))
    assert (proof.grade, proof.reason) == ("checked", "no test of the repository passes, with the fix or without it")


async def test_a_fix_that_names_dependencies_is_only_checked(tmp_path: Path) -> None:
    text = GOOD + make("requirements.txt", None, b"left-pad\n")
    proof = await proof_of(tmp_path, text)
    assert (proof.grade, proof.reason) == ("checked", "requirements.txt names dependencies")


async def test_a_finding_that_is_still_there_or_a_new_one_is_no_proof(tmp_path: Path) -> None:
    async def still(*_: object) -> Reviewed:
        return Reviewed(gone=False)

    async def worse(*_: object) -> Reviewed:
        return Reviewed(gone=True, new=(finding("greet.sh").finding,))

    for review_again, reason in (
        (still, "finding 1 is still there when reviewed again"),
        (worse, "the fix brings a new finding: It is wrong"),
    ):
        proof = await proof_of(tmp_path, GOOD, review_again=review_again)
        assert (proof.grade, proof.failed_step, proof.reason) == ("none", "review_again", reason)
        assert not proof.comparisons[-1].held


async def test_a_critic_has_the_last_word(tmp_path: Path) -> None:
    asked: list[Proposal] = []

    async def critic(proposal: Proposal) -> SecondLook:
        asked.append(proposal)
        return SecondLook(agrees=False, reason="it hides the cause")

    proof = await proof_of(tmp_path, GOOD, critic=critic)
    assert (proof.grade, proof.failed_step, proof.reason) == ("none", "critic", "it hides the cause")
    assert proof.second_look == SecondLook(agrees=False, reason="it hides the cause")
    assert "greet.sh" in asked[0].patch


async def test_a_fix_elsewhere_than_its_finding_waits_for_a_person(tmp_path: Path) -> None:
    need("bwrap")
    claim = Claim(patch=GOOD, findings=(finding("other.sh"),), commands=("sh tests/new_test.sh",))
    async with room(tmp_path / "rooms", FILES) as made:
        proof = await prove(claim, ProvingParts(room=made, review_again=gone, put=Kept().put, name="p", checks=CHECKS))
    assert (proof.grade, proof.reason) == ("checked", "the fix is in other files than the finding")


# One of each language; the whole corpus is measured by `poe bench prover`.
SAMPLE = [next(iter(programs(language))) for language in PROGRAMS]


@pytest.mark.parametrize("program", SAMPLE, ids=lambda program: program.label)
async def test_right_fixes_are_proved_and_wrong_ones_never(tmp_path: Path, program: Program) -> None:
    need("bwrap", PROGRAMS[program.language])
    offers = (
        (program.right, *program.wrong)
        if program.language in {"python", "shell"}
        else (program.right, program.wrong[0])
    )
    for offer in offers:
        claim = Claim(patch=offer.patch, findings=(finding(program.product),), commands=(program.reproduction,))
        async with room(tmp_path / "rooms", program.files) as made:
            parts = ProvingParts(room=made, review_again=gone, put=Kept().put, name="p", checks=program.checks)
            proof = await prove(claim, parts)
        assert (proof.grade == "proved") is (offer.kind == "right"), f"{offer.kind}: {proof.reason}"
        assert (proof.grade == "none") is (offer.kind != "right"), f"{offer.kind}: {proof.reason}"
