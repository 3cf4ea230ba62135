"""Another program of the same user cannot read the memory of a process that holds keys."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import private_memory

HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from private_memory import keep_memory_private
if sys.argv[2] == "private":
    keep_memory_private()
print("ready", flush=True)
sys.stdin.read()
"""
READER = """
import sys
try:
    with open(f"/proc/{sys.argv[1]}/mem", "rb"):
        print("read")
except PermissionError:
    print("refused")
"""


def _reads(user: str | None, folder: Path, how: str) -> str:
    """What a second program of that user gets when it opens the memory of the first."""
    holder = subprocess.Popen(
        [sys.executable, "-I", "-c", HOLDER, str(folder), how],
        user=user,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != "ready\n":
            pytest.skip("this Python cannot be started by another user here")
        reader = subprocess.run(
            [sys.executable, "-I", "-c", READER, str(holder.pid)],
            user=user,
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        holder.kill()
    return reader.stdout.strip()


@pytest.fixture
def module_folder() -> Iterator[Path]:
    """Where any user may read it; pytest's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copy(str(private_memory.__file__), folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="a thing of Linux")
def test_memory_with_keys_cannot_be_read(module_folder: Path) -> None:
    user = "nobody" if os.geteuid() == 0 and "nobody" in {entry.pw_name for entry in pwd.getpwall()} else None
    if _reads(user, module_folder, "open") != "read":
        pytest.skip("here no program reads another's memory anyway")
    assert _reads(user, module_folder, "private") == "refused"
