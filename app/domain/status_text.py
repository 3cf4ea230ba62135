"""The answers of `status`, `config` and `help`."""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import JsonValue

from app.domain.answers import finding_line
from app.domain.config_layers import flattened
from app.domain.findings import TrackedFinding
from app.domain.markdown import cell, clean_line, code
from app.domain.names import CONFIG_FILE
from app.domain.phrases import Voice, short
from app.domain.repo_config import ConfigInForce
from app.domain.runs import PullRequestState, Run

_ANSWERED = "in a finding's thread: answered once, with evidence, or the finding is withdrawn"
# How many findings does an answer list before it only counts?
_LISTED = 10


class HelpLine(NamedTuple):
    """One command on the help page: how it is typed, what it does."""

    usage: str
    effect: str


def status_text(state: PullRequestState, run: Run | None, open_findings: Sequence[TrackedFinding], voice: Voice) -> str:
    """Where this pull request stands: its last run, what is open, what is paused."""
    lines = [_run_line(state, run, voice)]
    if run is not None and run.wait_until is not None and run.finished_at is None:
        lines.append(f"It waits: nothing is sent before {run.wait_until:%Y-%m-%d %H:%M} UTC.")
    if open_findings:
        lines += ["", "Open:", *(f"- {finding_line(tracked)}" for tracked in open_findings[:_LISTED])]
    if len(open_findings) > _LISTED:
        lines.append(f"- and {len(open_findings) - _LISTED} more: see the check")
    if state.paused:
        lines += ["", f"Automatic reviews are paused here. {voice.command('resume')} starts them again."]
    return "\n".join(lines)


def config_text(in_force: ConfigInForce) -> str:
    """Every key with its value and the layer that set it."""
    values = flattened(in_force.config.model_dump(mode="json"))
    rows = [
        f"| {code(key)} | {cell(code(_shown(value)))} | {clean_line(in_force.origins.get(key, 'built-in'))} |"
        for key, value in values.items()
    ]
    read = f"Read from `{CONFIG_FILE}` at {short(in_force.read_at_sha)} of the default branch."
    problems = [f"- line {problem.line}: {clean_line(problem.text)}" for problem in in_force.problems]
    return "\n".join(
        (
            read if in_force.read_at_sha else f"There is no `{CONFIG_FILE}` on the default branch.",
            "",
            "| key | value | from |",
            "|---|---|---|",
            *rows,
            *(["", "Not taken:", *problems] if problems else []),
        )
    )


def help_text(lines: Sequence[HelpLine], voice: Voice) -> str:
    """Generated from the commands that exist."""
    lines = [*lines, HelpLine("anything else", _ANSWERED)] if voice.can_answer else lines
    width = max(len(line.usage) for line in lines)
    return "\n".join(
        (
            f"After {code(voice.mention)}, at the start of a line; in a thread the number may be left out.",
            "```",
            *(f"{line.usage.ljust(width)}   {line.effect}" for line in lines),
            "```",
        )
    )


def _shown(value: JsonValue) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(str(item) for item in value) + "]"
        case _:
            return str(value)


def _run_line(state: PullRequestState, run: Run | None, voice: Voice) -> str:
    if run is None:
        return f"{short(state.head_sha)} is not reviewed. {voice.command('review')} starts a review."
    older = (
        "" if run.head_sha == state.head_sha else f" The newest commit, {short(state.head_sha)}, is not reviewed yet."
    )
    if run.finished_at is None:
        stage = run.stages[-1].stage if run.stages else "queued"
        return f"{short(run.head_sha)} is being reviewed, stage {stage}.{older}"
    return f"{short(run.head_sha)}: {clean_line(run.title)}.{older}"
