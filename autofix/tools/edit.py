"""edit: replaces text in a file exactly."""

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Tool, Workplace
from autofix.tools.files import inside


class Edit(Arguments):
    path: str = Field(description="The file, as from the repository's root.")
    old: str = Field(min_length=1, description="The text to replace, exactly as it stands there, without line numbers.")
    new: str = Field(description="What stands there instead.")
    all: bool = Field(False, description="Replace every occurrence; else it must occur once.")


async def edit(arguments: Edit, workplace: Workplace) -> Outcome:
    return await inside(
        workplace,
        "edit",
        path=arguments.path,
        old=arguments.old,
        new=arguments.new,
        all="yes" if arguments.all else "",
    )


TOOL = Tool(
    name="edit",
    description="Replace text in a file. `old` must match exactly, white space too, and once unless `all` is set.",
    arguments=Edit,
    act=edit,
)
