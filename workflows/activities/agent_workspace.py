"""What an agent changed in its sandbox, as a patch against what was there before it came, and what git ignores there:
kept, and put back."""

from app.domain.model import Frozen
from app.sandboxes.base import Backend, Room, SandboxRef
from app.sandboxes.kept_files import Extent, take
from app.store.blobs import Blobs

LARGEST_PATCH = 4_000_000
# What an agent may have set in its git must not come between us and its change.
_SET = (
    "user.name=head",
    "user.email=head@localhost",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=true",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
)
_GIT = ("git", *(word for setting in _SET for word in ("-c", setting)))
# The commit in the sandbox that changes are told against; it says nothing about the repository's own history.
_BASE = "refs/tags/as-it-was"
_DIFF = ("diff", "--cached", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", _BASE)


# Written when the set-up is over, before the agent comes.
_SET_UP = ".git/refs/tags/as-it-was"


class Workspace(Frozen):
    """A workspace without its sandbox: keys of a patch and of a tar, each empty where there was nothing."""

    patch_key: str = ""
    files_key: str = ""
    files: Extent = "all"
    # What the files were installed for; another declaration needs others.
    declared: str = ""
    # There were files, and too many to be kept.
    left_out: bool = False


async def keep(backend: Backend, ref: SandboxRef, room: Room, blobs: Blobs, *, declared: str, max_bytes: int) -> str:
    """The blob with the workspace; empty when nothing in there is worth keeping."""
    patch_key = await changes(room, blobs)
    files = await take(backend, ref, room, set_up=_SET_UP, max_bytes=max_bytes)
    kept = Workspace(
        patch_key=patch_key,
        files_key=await blobs.put(files.tar) if files.tar else "",
        files=files.extent,
        declared=declared,
        left_out=files.tar is None,
    )
    return await blobs.put_model(kept) if patch_key or kept.files_key or kept.left_out else ""


async def load(blobs: Blobs, key: str) -> Workspace:
    """What was kept under that key; between two pauses that is the patch alone."""
    if not key:
        return Workspace()
    content = await blobs.get(key)
    return Workspace.model_validate_json(content) if content.startswith(b"{") else Workspace(patch_key=key)


async def remember(room: Room) -> None:
    """What was there before anybody changed anything, set-up included; a second time changes nothing."""
    script = (
        'git rev-parse --verify --quiet "$1" >/dev/null || { git init --quiet && git add --all && '
        "git commit --quiet --allow-empty --no-verify -m head && git tag as-it-was; }"
    )
    env = {
        "GIT_AUTHOR_NAME": "head",
        "GIT_AUTHOR_EMAIL": "head@localhost",
        "GIT_COMMITTER_NAME": "head",
        "GIT_COMMITTER_EMAIL": "head@localhost",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": "/dev/null",
    }
    ran = await room.run(("/bin/sh", "-c", script, "sh", _BASE), env=env)
    if not ran.passed:
        said = ran.output.decode("utf-8", "replace").strip()[-200:]
        raise RuntimeError(f"the head could not be written down in the sandbox ({ran.ended.ending}): {said}")


async def changes(room: Room, blobs: Blobs) -> str:
    """The blob with the change as a patch; empty when nothing is changed, or more than any fix may be."""
    # A repository that was begun inside of it and is still empty must not keep all the rest back.
    await room.run((*_GIT, "add", "--all", "--ignore-errors"))
    ran = await room.run((*_GIT, *_DIFF), output_bytes=LARGEST_PATCH)
    whole = ran.passed and ran.ended.output_bytes == len(ran.output)
    return await blobs.put(ran.output) if whole and ran.output else ""


async def restore(room: Room, patch: bytes) -> bool:
    """False when it does not fit; where it is in the code already, there is nothing to do."""
    if (await room.run((*_GIT, "apply", "--whitespace=nowarn", "-"), stdin=patch)).passed:
        return True
    return (await room.run((*_GIT, "apply", "--check", "--reverse", "-"), stdin=patch)).passed
