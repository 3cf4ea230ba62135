"""Programs that reviews need: git, the linters, and what they run in."""

import os
import tempfile
from importlib import metadata
from pathlib import Path

from app.checkouts.git import Git
from app.doctor.base import Ground, Line
from reviewers.linters.base import Linter
from reviewers.linters.registry import LINTERS
from reviewers.linters.run import OUR_PROGRAMS, SYSTEM_PATH, find_program

SEARCH_PATH = f"{OUR_PROGRAMS}{os.pathsep}{SYSTEM_PATH}"


async def check_git(_: Ground) -> Line:
    said = await Git(git_dir=Path(tempfile.gettempdir()) / "none.git").run("--version")
    return Line("ok", "git", said.decode().strip().removeprefix("git version "))


async def check_linters(_: Ground) -> Line:
    return linters_line(SEARCH_PATH)


def linters_line(search_path: str) -> Line:
    """Each with its version, or that it is not here: its files are then not checked by it, and the check says so."""
    there = [one for one in LINTERS.values() if find_program(one.program, search_path)]
    missing = ", ".join(one.name for one in LINTERS.values() if one not in there)
    if not there:
        return Line("FAIL", "linters", "none of them is installed", "python3 deploy/bootstrap.py doctor installs them")
    text = ", ".join(_with_version(one) for one in there)
    return Line("ok", "linters", f"{text} · not installed: {missing}" if missing else text)


async def check_sandbox(_: Ground) -> Line:
    """Linters only read; running a repository's own code begins with fixes."""
    return Line("wait", "sandbox", "none: comes with fixes; linters run no foreign code")


def _with_version(linter: Linter) -> str:
    try:
        return f"{linter.name} {metadata.version(linter.package)}" if linter.package else linter.name
    except metadata.PackageNotFoundError:
        return linter.name
