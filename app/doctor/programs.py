"""Programs that reviews need: git, the linters, and what they run in."""

import os
import tempfile
from importlib import metadata
from pathlib import Path

from app.checkouts.git import Git
from app.doctor.base import Ground, Line
from app.sandbox_making import try_sandboxes
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


async def check_sandbox(ground: Ground) -> Line:
    """Every attack of the probe, in a real one. Without a sandbox reviews go on; fixes are not made."""
    choice = await try_sandboxes(ground.settings)
    if choice.backend is None:
        return Line("wait", "sandbox", choice.reason, "fixes are made once one holds; reviews do not need it")
    probes = choice.reports[-1].probes
    held = sum(probe.held for probe in probes)
    return Line("ok", "sandbox", f"{choice.backend.name}, held against {held} of {len(probes)} attacks")


def _with_version(linter: Linter) -> str:
    try:
        return f"{linter.name} {metadata.version(linter.package)}" if linter.package else linter.name
    except metadata.PackageNotFoundError:
        return linter.name
