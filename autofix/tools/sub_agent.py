"""sub_agent: hands a task to a fresh conversation in the same sandbox; its report is the result."""

from pydantic import Field

from app.domain.conversation import SUB_AGENT
from autofix.tools.base import Arguments, Delegate, Outcome, Tool, Workplace


class SubAgent(Arguments):
    task: str = Field(min_length=20, max_length=8_000, description="All that it must know, and what it is to report.")


async def sub_agent(arguments: SubAgent, workplace: Workplace) -> Outcome:
    del workplace
    return Delegate(arguments.task)


TOOL = Tool(
    name=SUB_AGENT,
    description=(
        "Give a task that needs much reading to a helper with the same tools and files but none of this conversation,"
        " such as finding every caller of a function. Its report is the result."
    ),
    arguments=SubAgent,
    act=sub_agent,
)
