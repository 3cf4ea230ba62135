"""Lines of a tree that hold a pattern: one start of ripgrep, few hits of each file, no code of the tree is run."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.domain.invisible import strip_invisible
from reviewers.linters.run import OUR_PROGRAMS, ProgramFailed, run_program

LONGEST_LINE = 200
_DEADLINE = timedelta(seconds=5)
_DECLARES = (
    r"(?:def|class|func|fn|function|interface|struct|trait|enum|type|module|sub)\s+(?:\([^)]*\)\s*)?(?:self\.)?{name}\b"
)


@dataclass(frozen=True)
class Hit:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def whole_words(names: Sequence[str]) -> str:
    """The pattern of any of these names, not as a part of a longer one."""
    return rf"\b({'|'.join(map(re.escape, names))})\b"


async def search(pattern: str, root: Path) -> list[Hit]:
    """By path and line; none where the program is missing, fails or takes too long: a review is possible without."""
    program = shutil.which("rg", path=OUR_PROGRAMS)
    if program is None:
        return []
    limits = ("--max-count", "50", "--max-filesize", "1M", "--max-columns", str(LONGEST_LINE))
    plain = ("--no-config", "--no-ignore", "--no-messages", "--no-heading", "--line-number", "--null", "--sort", "none")
    with tempfile.TemporaryDirectory(prefix="corrigent-search-") as home:
        argv = (program, *plain, *limits, "--threads", "2", "--regexp", pattern, "./")
        try:
            output = await run_program(argv, folder=root, home=Path(home), deadline=_DEADLINE)
        except ProgramFailed:
            return []
    return sorted(_hits(output.stdout), key=lambda hit: (hit.path, hit.line))


def declares(name: str, hit: Hit) -> bool:
    return re.search(_DECLARES.format(name=re.escape(name)), hit.text) is not None


def _hits(output: bytes) -> Iterator[Hit]:
    for row in output.decode("utf-8", "replace").split("\n"):
        path, null, rest = row.partition("\0")
        number, colon, text = rest.partition(":")
        if null and colon and number.isdigit() and not text.startswith("[Omitted"):
            yield Hit(path.removeprefix("./"), int(number), strip_invisible(text).strip()[:LONGEST_LINE])
