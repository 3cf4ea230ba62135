"""A fix's proof as a page shows it: each check before and after, the second look, and the logs behind them."""

from typing import NamedTuple

from app.domain.fixes import RECORDING, Comparison, EvidenceFile, Fix, Proof, ProvingCommand, SecondLook
from app.domain.phrases import sentence, short
from app.store.blobs import Blobs
from app.web.pages.parts.changes import ShownChange, shown_change
from app.web.pages.parts.cuts import Cut, cut
from app.web.pages.parts.words import line

# Logs that are shown in part; all of them can be downloaded.
_LOGS_SHOWN = 20
_GONE = "This file is no longer kept."


class ShownLog(NamedTuple):
    """A command of the proof with what it printed; `file` is its place among the evidence, None where it has none."""

    command: ProvingCommand
    typed: str
    ended: str
    text: Cut
    file: int | None


class ShownProof(NamedTuple):
    """A fix ready to be printed."""

    fix: Fix
    grade: str
    where: str
    comparisons: tuple[Comparison, ...]
    # What a model that did not make the change says of it; None where none was asked.
    second_look: SecondLook | None
    logs: tuple[ShownLog, ...]
    # The place of the terminal's recording among the evidence, None where there is none.
    recording: int | None
    change: ShownChange | None


async def fix_of(blobs: Blobs, key: str) -> Fix | None:
    """None when there is none, or when its retention is over."""
    try:
        return await blobs.get_model(key, Fix) if key else None
    except FileNotFoundError:
        return None


async def shown_proof(blobs: Blobs, fix: Fix) -> ShownProof:
    proof = fix.proof
    logs = [await _log(blobs, proof, command) for command in proof.commands[:_LOGS_SHOWN]]
    return ShownProof(
        fix=fix,
        grade=_grade(proof),
        where=_where(fix),
        comparisons=proof.comparisons,
        second_look=proof.second_look,
        logs=tuple(logs),
        recording=next((at for at, one in enumerate(proof.evidence) if one.name == RECORDING), None),
        change=await _change(blobs, fix),
    )


async def _change(blobs: Blobs, fix: Fix) -> ShownChange | None:
    if fix.patch is None:
        return None
    try:
        return shown_change(await blobs.get(fix.patch.patch_key))
    except FileNotFoundError:
        return ShownChange(wrong=_GONE)


def _grade(proof: Proof) -> str:
    reason = line(proof.reason)
    match proof.grade:
        case "proved":
            return "Proved: what was red on the head is green with the fix."
        case "checked":
            return sentence(f"Checked, not proved: {reason}")
        case "none":
            step = f" ({proof.failed_step.replace('_', ' ')})" if proof.failed_step else ""
            return sentence(f"Not proved{step}: {reason}")


def _where(fix: Fix) -> str:
    if fix.pushed_sha:
        return f"Pushed to the pull request's branch as {short(fix.pushed_sha)}."
    if fix.branch:
        return f"On the branch {line(fix.branch)}."
    return "Nothing was pushed."


async def _log(blobs: Blobs, proof: Proof, command: ProvingCommand) -> ShownLog:
    found = [(at, one) for at, one in enumerate(proof.evidence) if command.log and one.name == command.log]
    at, file = found[0] if found else (None, None)
    return ShownLog(
        command=command,
        # `sh -c` is how it was started, not what was typed.
        typed=line(command.argv[-1] if command.argv[:2] == ("sh", "-c") else " ".join(command.argv)),
        ended=f"exit code {command.exit_code}" if command.ending == "exited" else command.ending.replace("_", " "),
        text=cut(await _text(blobs, file)),
        file=at,
    )


async def _text(blobs: Blobs, file: EvidenceFile | None) -> str:
    try:
        return (await blobs.get(file.blob_key)).decode("utf-8", "replace") if file is not None else ""
    except FileNotFoundError:
        return _GONE
