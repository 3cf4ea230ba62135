"""ask: a question to the people on the pull request; the agent sleeps until somebody answers."""

from pydantic import Field

from app.domain.conversation import ASK
from autofix.tools.base import Arguments, AskPeople, Outcome, Tool, Workplace


class Ask(Arguments):
    question: str = Field(min_length=10, max_length=2_000, description="What only they can say, and what hangs on it.")


async def ask(arguments: Ask, workplace: Workplace) -> Outcome:
    del workplace
    return AskPeople(arguments.question)


TOOL = Tool(
    name=ASK,
    description=(
        "Ask the people on the pull request a question. It may take them days to answer: only when the code, its tests"
        " and its documents cannot say what is wanted."
    ),
    arguments=Ask,
    act=ask,
)
