"""The code under review as one blob: made once from the mirror, unpacked by whoever needs files. Never holds a link."""

import asyncio
import io
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from errno import EEXIST, EILSEQ, EINVAL, EISDIR, ENAMETOOLONG, ENOTDIR
from pathlib import Path

import zstandard

from app.checkouts import objects, tar
from app.checkouts.git import Git, GitError
from app.checkouts.objects import TreeEntry
from app.checkouts.scratch import to_its_end
from app.checkouts.tar import BadArchive
from app.domain.diff import Diff

_LEFT_OUT = b"left-out.json"
# What a file system may refuse about a name that git allows: twins but for case, too long, not representable.
_NAME_REFUSED = {EEXIST, ENOTDIR, EISDIR, ENAMETOOLONG, EILSEQ, EINVAL}


@dataclass(frozen=True, kw_only=True)
class Caps:
    """How large a snapshot may become; changed files come first, and what no longer fits is listed."""

    files: int = 50_000
    file_bytes: int = 1_000_000
    total_bytes: int = 256_000_000


@dataclass(frozen=True, kw_only=True)
class Materialised:
    """Two folders of plain files: the whole head, and the merge base's versions of what changed."""

    head_root: Path
    base_root: Path
    # Path (with "head/" or "base/") to the reason why it is not there.
    left_out: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Planned:
    name: str
    object_id: str


async def make(git: Git, head_tree_id: str, diff: Diff, caps: Caps | None = None) -> bytes:
    """A tar, compressed, with `head/…` (the whole tree) and `base/…` (old versions of the changed files)."""
    caps = caps or Caps()
    head, base = await asyncio.gather(
        objects.list_tree(git, head_tree_id), objects.list_tree(git, objects.checked(diff.merge_base_sha))
    )
    changed = {file.path for file in diff.files}
    old_names = {file.old_path for file in diff.files}
    ordered = [
        *(("head/", entry) for entry in head if entry.path in changed),
        *(("base/", entry) for entry in base if entry.path in old_names),
        *(("head/", entry) for entry in head if entry.path not in changed),
    ]
    planned, left_out = _plan(ordered, caps)
    return await _write(git, planned, left_out)


async def materialise(data: bytes, folder: Path, caps: Caps | None = None) -> Materialised:
    """Unpack into an empty folder of ours; BadArchive for anything `make` would not have written."""
    return await to_its_end(_unpack, data, folder, caps or Caps())


def _plan(entries: Sequence[tuple[str, TreeEntry]], caps: Caps) -> tuple[list[_Planned], dict[str, str]]:
    planned: list[_Planned] = []
    left_out: dict[str, str] = {}
    room = caps.total_bytes
    for prefix, entry in entries:
        name = prefix + entry.path
        if not entry.is_file:
            left_out[name] = "symbolic link" if entry.mode == "120000" else "submodule"
        elif entry.size > caps.file_bytes:
            left_out[name] = f"over {caps.file_bytes // 1000} kB"
        elif len(planned) >= caps.files or entry.size > room:
            left_out[name] = "the repository is too large"
        else:
            planned.append(_Planned(name, entry.object_id))
            room -= entry.size
    return planned, left_out


async def _write(git: Git, planned: Sequence[_Planned], left_out: dict[str, str]) -> bytes:
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    output = [compressor.compress(tar.member(_LEFT_OUT, json.dumps(left_out).encode()))]
    ids = [file.object_id.encode() for file in planned]
    async with aclosing(objects.read_objects(git, ids, cap=2**40)) as answers:
        waiting = iter(planned)
        async for kind, content in answers:
            file = next(waiting)
            if kind != "blob":
                raise GitError(f"{file.name} of the listed tree is not in the mirror.")
            output.append(compressor.compress(tar.member(file.name.encode(), content)))
    return b"".join([*output, compressor.compress(tar.end()), compressor.flush()])


def _unpack(data: bytes, folder: Path, caps: Caps) -> Materialised:
    # The list of what was left out comes on top of the files.
    reader = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(data), 1 << 20)  # pyright: ignore[reportArgumentType] - it has readinto, its stub does not say RawIOBase
    left_out: dict[str, str] = {}
    roots = {"head": folder / "head", "base": folder / "base"}
    for root in roots.values():
        root.mkdir(mode=0o700)
    made = set(map(str, roots.values()))
    try:
        for raw_name, content in tar.members(reader, max_bytes=caps.total_bytes + 64_000_000):
            if raw_name == _LEFT_OUT:
                left_out |= json.loads(content)
            else:
                name = _safe(raw_name)
                if not _store(str(folder), name, content, made):
                    left_out[name] = "its name cannot be used here"
    except zstandard.ZstdError as error:
        raise BadArchive("The archive is not readable.") from error
    return Materialised(head_root=roots["head"], base_root=roots["base"], left_out=left_out)


def _safe(raw_name: bytes) -> str:
    name = raw_name.decode("utf-8", "replace")
    root, *parts = name.split("/")
    if root not in {"head", "base"} or not parts or any(_unsafe(part) for part in parts):
        raise BadArchive(f"The archive holds a path that leads elsewhere: {name[:200]!r}.")
    return name


def _unsafe(part: str) -> bool:
    return part in {"", ".", ".."} or "\0" in part or part.casefold() == ".git"


def _store(folder: str, name: str, content: bytes, made: set[str]) -> bool:
    path = f"{folder}/{name}"
    try:
        _make_folders(path.rpartition("/")[0], made)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno in _NAME_REFUSED:
            return False
        raise
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)
    return True


def _make_folders(folder: str, made: set[str]) -> None:
    for missing in reversed(list(_missing(folder, made))):
        os.mkdir(missing, 0o700)
        made.add(missing)


def _missing(folder: str, made: set[str]) -> Iterable[str]:
    while folder not in made:
        yield folder
        folder = folder.rpartition("/")[0]
