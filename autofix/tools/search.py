"""search: lines that match a regular expression, by ripgrep where the sandbox has it."""

from datetime import timedelta

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Shown, Tool, Workplace
from autofix.tools.files import asked, capped, decoded, script, shown

_WITHIN = timedelta(seconds=60)
_MOST_BYTES = 200_000
_MOST_MATCHES = 200
# ripgrep takes no time that grows without bounds; the script's own search is for images without it.
_PROGRAM = """\
if command -v rg >/dev/null 2>&1; then
  exec rg --no-config --no-heading --line-number --color=never --sort=path --max-columns=300 --max-columns-preview \\
    --hidden --glob='!.git' ${3:+"--glob=$3"} --regexp="$1" -- "$2"
fi
exec python3 -I -S -c "$4"
"""


class Search(Arguments):
    pattern: str = Field(min_length=1, max_length=1_000, description="A regular expression.")
    path: str = Field(".", description="A file or folder, as from the repository's root.")
    glob: str = Field("", max_length=200, description="Only files of this name, such as `*.py`.")


async def search(arguments: Search, workplace: Workplace) -> Outcome:
    ran = await workplace.room.run(
        ("sh", "-c", _PROGRAM, "sh", arguments.pattern, arguments.path, arguments.glob, script()),
        exec_id=workplace.exec_id,
        stdin=asked("search", pattern=arguments.pattern, path=arguments.path, glob=arguments.glob),
        within=min(_WITHIN, workplace.within),
        output_bytes=_MOST_BYTES,
    )
    # ripgrep ends with 1 when nothing matches, and with 2 when something could not be read, whatever it found.
    if ran.ended.exit_code not in {0, 1, 2}:
        return shown(ran)
    lines = [line.removeprefix("./") for line in decoded(ran).splitlines()]
    if not lines:
        return Shown("Nothing matches.")
    more = f"\n({len(lines) - _MOST_MATCHES} more lines match.)" if len(lines) > _MOST_MATCHES else ""
    return Shown(capped("\n".join(lines[:_MOST_MATCHES])) + more)


TOOL = Tool(
    name="search",
    description="Search the repository for lines that match. Answers with `path:line:text`, at most 200 of them.",
    arguments=Search,
    act=search,
)
