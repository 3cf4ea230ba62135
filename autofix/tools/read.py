"""read: lines of a text file, with their numbers."""

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Tool, Workplace
from autofix.tools.files import inside


class Read(Arguments):
    path: str = Field(description="The file, as from the repository's root.")
    first: int = Field(1, ge=1, description="The first line wanted.")
    count: int = Field(400, ge=1, le=1_000, description="How many lines.")


async def read(arguments: Read, workplace: Workplace) -> Outcome:
    return await inside(workplace, "read", path=arguments.path, first=str(arguments.first), count=str(arguments.count))


TOOL = Tool(
    name="read",
    description="Read a text file. Each line comes as its number, a tab and the text; numbers and tab are not in it.",
    arguments=Read,
    act=read,
)
