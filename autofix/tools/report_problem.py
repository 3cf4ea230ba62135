"""report_problem: tells the operators what the environment lacks."""

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Shown, Tool, Workplace


class ReportProblem(Arguments):
    problem: str = Field(
        min_length=10, max_length=500, description="One sentence: what is missing or broken, and where."
    )


async def report_problem(arguments: ReportProblem, workplace: Workplace) -> Outcome:
    await workplace.report_problem(" ".join(arguments.problem.split()))
    return Shown("Noted for the operators. Nobody will mend it now: go on without it, or finish.")


TOOL = Tool(
    name="report_problem",
    description=(
        "Tell the operators that the environment keeps you from working: a tool, a package or a service that is not"
        " there and that this repository's setup commands should provide. Not for bugs of the code."
    ),
    arguments=ReportProblem,
    act=report_problem,
)
