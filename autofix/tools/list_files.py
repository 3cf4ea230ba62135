"""list: what lies in a folder."""

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Tool, Workplace
from autofix.tools.files import inside


class List(Arguments):
    path: str = Field(".", description="The folder, as from the repository's root.")
    depth: int = Field(2, ge=1, le=5, description="How deep to look.")


async def list_(arguments: List, workplace: Workplace) -> Outcome:
    return await inside(workplace, "list", path=arguments.path, depth=str(arguments.depth))


TOOL = Tool(
    name="list",
    description="List what lies in a folder: folders end with a slash, links show where they lead.",
    arguments=List,
    act=list_,
)
