"""What was installed or built in a sandbox is there again in the next one, or the agent is told that it is not."""

from pathlib import Path

from tests.workflows.test_agent_room import CODE, Rooms, rooms
from workflows.activities.agent_workspace import Workspace, load

IGNORING = {**CODE, ".gitignore": "deps/\n*.bin\n"}
# A package with a program, links as package managers make them, and one that leads astray.
INSTALL = (
    "mkdir -p deps/bin $HOME/.cache && echo one >> deps/installed && echo 'echo it runs' > deps/bin/run"
    " && chmod 755 deps/bin/run && ln -s run deps/bin/again && ln -s /usr/bin/env deps/bin/env"
    " && ln -s /proc/1/environ deps/astray && ln -s ../../../etc deps/up && mkfifo deps/pipe && echo home > $HOME/.cache/x"
)
LOOK = (
    "cat deps/installed deps/built $HOME/.cache/x; deps/bin/again; stat -c %a deps/bin/run; "
    "for name in deps/bin/env deps/astray deps/up deps/pipe; do test -L $name -o -p $name && echo $name; done; cat shop.py"
)


async def look(made: Rooms, ready_key: str, **code: str) -> tuple[bool, str]:
    ready = await made.open(INSTALL, code={**IGNORING, **code}, workspace_key=ready_key)
    ran = await made.room(ready).run(("sh", "-c", LOOK))
    return ready.without_files, ran.output.decode()


async def test_installed_and_built_files_come_back_with_the_change(tmp_path: Path) -> None:
    async with rooms(tmp_path) as made:
        first = await made.open(INSTALL, code=IGNORING)
        assert first.problem == ""
        worked = await made.room(first).run(("sh", "-c", "echo built > deps/built; echo 'price = 2' > shop.py"))
        assert worked.passed
        kept = await made.leave(first)
        # Set-up did not run again: it would have written a second line.
        assert await look(made, kept) == (
            False,
            "one\nbuilt\nhome\nit runs\n755\ndeps/bin/env\nprice = 2\n",
        )
        # What it was installed for has changed: a new set-up, and the agent is told.
        without, seen = await look(made, kept, **{"requirements.txt": "two\n"})
        assert without
        assert seen.splitlines()[:3] == ["one", "cat: deps/built: No such file or directory", "home"]
        assert seen.endswith("price = 2\n")


async def test_of_too_much_the_newest_is_kept_or_the_change_alone(tmp_path: Path) -> None:
    large = f"{INSTALL} && head -c 2000000 /dev/urandom > deps/large.bin"
    async with rooms(tmp_path) as made:
        made.activities.keeps_bytes = 1_000_000
        first = await made.open(large, code=IGNORING)
        await made.room(first).run(("sh", "-c", "echo built > deps/built; echo 'price = 2' > shop.py"))
        kept = await made.leave(first)
        workspace = await load(made.blobs, kept)
        assert (workspace.files, workspace.left_out, bool(workspace.files_key)) == ("newer", False, True)
        second = await made.open(large, code=IGNORING, workspace_key=kept)
        room = made.room(second)
        assert (
            await room.run(("sh", "-c", "cat deps/installed deps/built shop.py"))
        ).output == b"one\nbuilt\nprice = 2\n"
        assert not second.without_files

        # And now the agent itself has made too much.
        await room.run(("sh", "-c", "head -c 2000000 /dev/urandom > made.bin"))
        kept = await made.leave(second)
        workspace = await load(made.blobs, kept)
        assert (workspace.left_out, workspace.files_key) == (True, "")
        third = await made.open(large, code=IGNORING, workspace_key=kept)
        assert third.without_files
        assert await made.read(third, "shop.py", "deps/installed", "deps/built") == ["price = 2\n", "one\n", "(none)"]


async def test_a_patch_alone_is_a_workspace_too(tmp_path: Path) -> None:
    """As chunks leave it, and as versions before this one did."""
    async with rooms(tmp_path) as made:
        key = await made.blobs.put(b"diff --git a/x b/x\n")
        assert await load(made.blobs, key) == Workspace(patch_key=key)
        first = await made.open()
        assert await made.leave(first) == ""
