"""What an agent changed in its sandbox, as a patch against what was there before it came: kept, and put back."""

from app.sandboxes.base import Room
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
        raise RuntimeError(f"the head could not be written down in the sandbox: {said or ran.ended.ending}")


async def changes(room: Room, blobs: Blobs) -> str:
    """The blob with the change as a patch; empty when nothing is changed, or more than any fix may be."""
    await room.run((*_GIT, "add", "--all"))
    ran = await room.run((*_GIT, *_DIFF), output_bytes=LARGEST_PATCH)
    whole = ran.passed and ran.ended.output_bytes == len(ran.output)
    return await blobs.put(ran.output) if whole and ran.output else ""


async def restore(room: Room, patch: bytes) -> bool:
    """False when it does not fit; where it is in the code already, there is nothing to do."""
    if (await room.run((*_GIT, "apply", "--whitespace=nowarn", "-"), stdin=patch)).passed:
        return True
    return (await room.run((*_GIT, "apply", "--check", "--reverse", "-"), stdin=patch)).passed
