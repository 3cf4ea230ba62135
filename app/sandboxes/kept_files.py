"""What was installed or built in a sandbox and is in no commit: taken before it goes, put into the one that follows.

What comes out is whatever its programs want it to be; so it is read once, here, and only plain things are kept.
"""

import asyncio
import io
import tarfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Literal

from app.domain.model import Frozen
from app.sandboxes.base import HOME, WORK, Backend, Room, SandboxGone, SandboxRef, TooLarge

# How much is kept of one sandbox? What is larger is mostly what the set-up installs, and that can be installed again.
MAX_BYTES = 128 * 1024**2
_MOST_ENTRIES = 200_000
# Six times as much may be needed to ask for them, and still fits in a frame.
_PATHS_BYTES = 300_000
# Where links may lead: to what is kept with them, and to programs that every sandbox has.
_LINKED = (WORK, HOME, "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt")
# Names what git ignores and what lies in the home folder; with a file given, only what is newer than that.
_NAME = """
import os, subprocess, sys
since = os.stat(sys.argv[2]).st_ctime if len(sys.argv) > 2 else None
ignored = ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "-z"]
if since is None:
    ignored.append("--directory")
found = [name for name in subprocess.run(ignored, capture_output=True, check=True).stdout.split(b"\\0") if name]
if since is None:
    found += [os.path.join(sys.argv[1].encode(), name) for name in os.listdir(sys.argv[1].encode())]
else:
    for folder, _, names in os.walk(sys.argv[1].encode()):
        found += [os.path.join(folder, name) for name in names]
    found = [name for name in found if os.lstat(name).st_ctime > since]
sys.stdout.buffer.write(b"\\0".join(found))
"""

# all: in place of a set-up. newer: on top of one, which brings the rest.
Extent = Literal["all", "newer"]


class KeptFiles(Frozen):
    """A tar to be put at the root of another; None when there was more than is kept, empty when there was nothing."""

    tar: bytes | None
    extent: Extent = "all"


async def take(backend: Backend, ref: SandboxRef, room: Room, *, set_up: str, max_bytes: int) -> KeptFiles:
    """Everything, or where that is too much what is newer than the file `set_up`."""
    for extent in ("all", "newer"):
        words = (HOME,) if extent == "all" else (HOME, set_up)
        ran = await room.run(("python3", "-I", "-S", "-c", _NAME, *words), output_bytes=_PATHS_BYTES)
        if not ran.passed or ran.ended.output_bytes > len(ran.output):
            continue
        paths = [name.decode("utf-8", "surrogateescape") for name in ran.output.split(b"\0") if name]
        try:
            tar = await _packed(backend, ref, paths, max_bytes)
        except TooLarge:
            continue
        return KeptFiles(tar=tar, extent=extent)
    return KeptFiles(tar=None)


async def _packed(backend: Backend, ref: SandboxRef, paths: Sequence[str], max_bytes: int) -> bytes:
    # Names that no tar can carry are left behind.
    named = [path for path in paths if path.isprintable()]
    return await asyncio.to_thread(sifted, await backend.get(ref, named, max_bytes)) if named else b""


def sifted(tar: bytes) -> bytes:
    """Its plain files, folders, and links that lead nowhere else; empty when there is neither file nor link."""
    out, some, entries = io.BytesIO(), False, 0
    try:
        with (
            tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as source,
            tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as target,
        ):
            for member in source:
                entries += 1
                if entries > _MOST_ENTRIES:
                    raise TooLarge("too many files")
                if (plain := _plain(member)) is not None:
                    some = some or not plain.isdir()
                    target.addfile(plain, source.extractfile(member) if member.isreg() else None)
    except (tarfile.TarError, ValueError, ArithmeticError, LookupError, EOFError, OSError) as error:
        raise SandboxGone("the sandbox sent no tar") from error
    return out.getvalue() if some else b""


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The same with nothing but what is kept of it; None when it is not."""
    place = f"/{member.name}"
    if member.name.startswith("/") or normpath(place) != place or not _below(place, (WORK, HOME)):
        return None
    plain = tarfile.TarInfo(member.name)
    plain.mode, plain.mtime, plain.type = member.mode & 0o777, member.mtime, member.type
    if member.issym():
        target = normpath(str(PurePosixPath(place).parent / member.linkname))
        plain.linkname = member.linkname
        return plain if _below(target, _LINKED) else None
    if member.isreg() and not member.issparse():
        plain.type, plain.size = tarfile.REGTYPE, member.size
        return plain
    return plain if member.isdir() else None


def _below(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)
