"""What is taken out of a sandbox as the agent's change."""

from pathlib import Path

from app.store.blobs import Blobs
from autofix.patches import parse
from tests.autofix.folder_room import FolderRoom
from workflows.activities.agent_workspace import changes, remember


async def test_an_empty_repository_inside_keeps_no_change_back(tmp_path: Path) -> None:
    code, blobs = tmp_path / "code", Blobs(str(tmp_path / "blobs"))
    code.mkdir()
    (code / "sums.py").write_text("x = 1\n")
    room = FolderRoom(code)
    await remember(room)
    assert await changes(room, blobs) == ""
    (code / "sums.py").write_text("x = 2\n")
    assert (await room.run(("git", "init", "--quiet", "lib"))).passed
    patch = parse(await blobs.get(await changes(room, blobs)))
    assert patch.paths == {"sums.py"}
