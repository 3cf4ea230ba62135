"""checks: runs the repository's own checks, as the proof will."""

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Shown, Tool, Workplace


class Checks(Arguments):
    why: str = Field("", max_length=200, description="What you want to know, in a few words.")


async def checks(arguments: Checks, workplace: Workplace) -> Outcome:
    del arguments
    return Shown(await workplace.checks(workplace.room, exec_id=workplace.exec_id, within=workplace.within))


TOOL = Tool(
    name="checks",
    description="Run the repository's own checks (its tests, as configured or detected), as the proof will run them.",
    arguments=Checks,
    act=checks,
)
