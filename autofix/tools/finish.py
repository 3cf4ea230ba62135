"""finish: says what was done and how to see that it works."""

from pydantic import Field

from app.domain.agents import AgentResult
from autofix.tools.base import Arguments, Finish, Outcome, Shown, Tool, Workplace


class FinishArguments(Arguments):
    summary: str = Field(min_length=5, max_length=300, description="What the change does, in one sentence.")
    findings: list[int] = Field(default_factory=list[int], max_length=50, description="Numbers of the mended findings.")
    commands: list[str] = Field(
        default_factory=list[str],
        max_length=5,
        description="Commands that fail without the change and pass with it, such as `pytest tests/test_x.py`.",
    )
    test_files: list[str] = Field(
        default_factory=list[str], max_length=10, description="Test files that you added or changed for it."
    )
    answer: str = Field("", max_length=8_000, description="The answer in Markdown, where words were asked for.")


async def finish(arguments: FinishArguments, workplace: Workplace) -> Outcome:
    if unknown := [number for number in arguments.findings if number not in workplace.numbers]:
        given = ", ".join(map(str, workplace.numbers)) or "none"
        return Shown(f"There is no finding {unknown[0]} in this task; its findings: {given}.", failed=True)
    return Finish(
        AgentResult(
            summary=" ".join(arguments.summary.split()),
            numbers=tuple(sorted(set(arguments.findings))),
            commands=tuple(arguments.commands),
            test_files=tuple(arguments.test_files),
            answer=arguments.answer,
        )
    )


TOOL = Tool(
    name="finish",
    description=(
        "End your work. What you say will be tried: the commands must fail on the code as it was and pass as it is now,"
        " and nothing that passed may fail."
    ),
    arguments=FinishArguments,
    act=finish,
)
