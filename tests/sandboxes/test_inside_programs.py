"""The supervisor's own files inside: compiled beforehand, and nobody's to change."""

import sys

import pytest

from app.sandboxes.bubblewrap_arguments import SUPERVISOR, inside_programs
from app.sandboxes.room import SandboxRoom

IMPORTS = "import sys; sys.path.insert(0, '/run/corrigent'); import app.sandboxes.inside.commands"


def test_each_has_its_compiled_one_beside_it() -> None:
    names = {path.rpartition("/")[2] for path in inside_programs()}
    sources = {name.removesuffix(".py") for name in names if name.endswith(".py")}
    assert {"supervisor", "commands", "frames"} < sources
    assert names == {f"{name}.py" for name in sources} | {
        f"{name}.{sys.implementation.cache_tag}.pyc" for name in sources
    }


async def test_it_is_not_compiled_again(room: SandboxRoom) -> None:
    tag = ("python3", "-I", "-S", "-c", "import sys; print(sys.implementation.cache_tag)")
    if (await room.run(tag)).output.decode().strip() != sys.implementation.cache_tag:
        pytest.skip("the Python below /usr is of another version than ours")
    said = (await room.run(("python3", "-I", "-S", "-v", "-c", IMPORTS))).output.decode()
    assert f".{sys.implementation.cache_tag}.pyc" in said
    assert "inside/__pycache__/commands" in said
    assert "matches /run/corrigent/app/sandboxes/inside/commands.py" in said


@pytest.mark.parametrize(
    "attempt", ["chmod 666 {0}", "rm {0}", "mv {0} /tmp/away", "echo x >> {0}", "touch {0}c", "mount -o remount,rw /"]
)
async def test_they_cannot_be_changed(room: SandboxRoom, attempt: str) -> None:
    for path in (SUPERVISOR, "/etc/passwd"):
        assert not (await room.run(("sh", "-c", attempt.format(path)))).passed
