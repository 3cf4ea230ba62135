"""write: a whole file, new or in place of an old one."""

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Tool, Workplace
from autofix.tools.files import inside


class Write(Arguments):
    path: str = Field(min_length=1, description="The file, as from the repository's root; folders are made.")
    content: str = Field(max_length=500_000, description="All of its text.")


async def write(arguments: Write, workplace: Workplace) -> Outcome:
    return await inside(workplace, "write", path=arguments.path, content=arguments.content)


TOOL = Tool(
    name="write",
    description="Write a whole file: for new files. Change those that are there with `edit`.",
    arguments=Write,
    act=write,
)
