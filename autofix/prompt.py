"""An agent's first message: what it is to do in our words, everything foreign inside marked blocks."""

from functools import cache
from importlib.resources import files

from app.domain.agents import AgentTask
from app.domain.conversation import Opening
from app.domain.findings import TrackedFinding
from app.domain.invisible import strip_invisible
from app.domain.secrets import Redactor
from app.llm.blocks import block

# People write books; an agent needs their beginning.
_LONGEST_PROMPT = 8_000
_LONGEST_TEXT = 4_000
_MOST_FINDINGS = 20

_SUB_AGENT = """\
You help another agent with one part of its task. Its words follow. Do only that, with the tools you have, and call
`finish` with what it asked for as `answer`: facts with paths and line numbers, as short as they can be.
"""


@cache
def instructions() -> str:
    """What we say to the model; the same for every task, so that providers can keep it."""
    return files("autofix").joinpath("prompt.md").read_text(encoding="utf-8")


def opening(task: AgentTask, redactor: Redactor) -> Opening:
    """The task as a conversation's first message. Secrets are masked here, before anything leaves."""
    parts = [_what(task), *(_finding(one) for one in task.findings[:_MOST_FINDINGS]), _about(task)]
    return Opening(
        instructions=instructions(), text=redactor.redact("\n\n".join(filter(None, parts))), prompts=len(task.prompts)
    )


def told(prompt: str, redactor: Redactor) -> str:
    """Words of a person who may write to the repository, said later."""
    return redactor.redact(f"A person on the pull request says:\n\n{_cut(prompt, _LONGEST_PROMPT)}")


def answered(prompt: str, redactor: Redactor) -> str:
    """The same, as the answer to the agent's question."""
    return redactor.redact(_cut(prompt, _LONGEST_PROMPT))


def sub_opening(task: str, call_id: str) -> Opening:
    """The first message of a sub-agent; the words are the agent's own."""
    return Opening(instructions=instructions(), text=f"{_SUB_AGENT}\n{task}", for_call=call_id)


def _what(task: AgentTask) -> str:
    wishes = "\n\n".join(_cut(prompt, _LONGEST_PROMPT) for prompt in task.prompts)
    if task.kind == "fix":
        numbers = ", ".join(str(one.number) for one in task.findings)
        mend = f"Mend finding{'s' if len(task.findings) > 1 else ''} {numbers} of the review of a pull request."
        return f"{mend}\n\nThe person who asked adds:\n\n{wishes}" if wishes else mend
    return f"A person on a pull request asks you:\n\n{wishes}"


def _finding(tracked: TrackedFinding) -> str:
    finding = tracked.finding
    lines = [
        f"place: {finding.place}",
        f"severity: {finding.severity.value}, {finding.category.value}",
        f"title: {finding.title}",
        "",
        _cut(finding.body, _LONGEST_TEXT),
        "",
        f"the code it is about:\n{_cut(finding.quote, _LONGEST_TEXT)}",
        *(f"evidence ({one.kind}): {_cut(one.text, 1_000)}" for one in finding.evidence[:5]),
        *([f"advice: {_cut(finding.agent_prompt, _LONGEST_TEXT)}"] if finding.agent_prompt else []),
    ]
    return block(f"finding {tracked.number}, found by {finding.reviewer}", strip_invisible("\n".join(lines)))


def _about(task: AgentTask) -> str:
    """What helps to find one's way; the commands come from the default branch's configuration."""
    parts = [block("the pull request's title, by its author", _cut(task.title, 300))]
    if task.checks:
        parts.append("The repository's checks: " + "; ".join(f"`{one}`" for one in task.checks[:10]) + ".")
    if task.setup:
        parts.append("Already run in this sandbox: " + "; ".join(f"`{one}`" for one in task.setup[:10]) + ".")
    return "\n\n".join(parts)


def _cut(text: str, longest: int) -> str:
    plain = strip_invisible(text)
    return plain if len(plain) <= longest else f"{plain[:longest]}\n[cut]"
