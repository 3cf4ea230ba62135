"""Another program of the same user cannot read the memory of a process that holds keys."""

import subprocess
import sys

import pytest

BECOME_NOBODY = """
import ctypes, os, sys
if os.geteuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
"""
# Whoever changes its user is private until it says otherwise.
HOLDER = """
ctypes.CDLL(None).prctl(4, 1)
if sys.argv[1] == "private":
    keep_memory_private()
print("ready", flush=True)
sys.stdin.read()
"""
READER = """
try:
    with open(f"/proc/{sys.argv[1]}/mem", "rb"):
        print("read")
except PermissionError:
    print("refused")
"""


def _read(how: str) -> str:
    """What a second program of the same user, who is nobody special, gets when it opens the memory of the first."""
    importing = "from app.private_memory import keep_memory_private\n"
    holder = subprocess.Popen(
        [sys.executable, "-I", "-c", importing + BECOME_NOBODY + HOLDER, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        command = [sys.executable, "-I", "-c", BECOME_NOBODY + READER, str(holder.pid)]
        reader = subprocess.run(command, capture_output=True, text=True, check=True)
        holder.kill()
    return reader.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="a thing of Linux")
def test_memory_with_keys_cannot_be_read() -> None:
    if _read("open") != "read":
        pytest.skip("here no program reads another's memory anyway")
    assert _read("private") == "refused"
