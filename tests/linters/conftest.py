"""What the tests of linters ask for."""

import shutil
from pathlib import Path

import pytest

from reviewers.linters.reviewer import Linters
from reviewers.linters.run import OUR_PROGRAMS, SYSTEM_PATH
from tests.harness import changes
from tests.linters.kinds import ChangeOf, Needs


@pytest.fixture
def change_of(tmp_path: Path) -> ChangeOf:
    return lambda head, base=None: changes.change_of(tmp_path, base or {}, head)


@pytest.fixture(scope="session")
def linters() -> Linters:
    """With oxlint from wherever it is on this machine."""
    oxlint = shutil.which("oxlint")
    return Linters(search_path=":".join([OUR_PROGRAMS, SYSTEM_PATH, *([str(Path(oxlint).parent)] if oxlint else [])]))


@pytest.fixture
def needs_program() -> Needs:
    """Skips where an optional program is not installed."""

    def check(program: str) -> None:
        if shutil.which(program, path=OUR_PROGRAMS) is None and shutil.which(program) is None:
            pytest.skip(f"needs {program}, which is optional and not installed")

    return check
