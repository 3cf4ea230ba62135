"""Reads files and trees out of a trusted bare repository, by object id; nothing is ever checked out."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.checkouts.diff_parser import decode_path
from app.checkouts.git import OUTPUT_CAP, Git, GitError, OutputTooLarge

# Configuration, rules and the like are read whole; anything larger is not one of them.
FILE_CAP = 1_000_000
# How much may a folder's list of entries take beside the file?
_LISTING_CAP = 16_000_000

_OBJECT_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_FILE_MODES = {"100644", "100755", "100664"}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A path of a tree; `size` is -1 for what is not a blob."""

    mode: str
    object_id: str
    size: int
    path: str

    @property
    def is_file(self) -> bool:
        return self.mode in _FILE_MODES


def checked(object_id: str) -> str:
    """The id itself when it is a full one: what came over the network never becomes an option or an expression."""
    if _OBJECT_ID.fullmatch(object_id) is None:
        raise GitError(f"{object_id[:80]!r} is not a commit id.")
    return object_id


async def read_file(git: Git, commit: str, path: str, *, cap: int = FILE_CAP) -> bytes | None:
    """A plain file's bytes at a commit; None when there is none (or a link, a folder), GitError when over the cap."""
    if not {"", ".", ".."}.isdisjoint(path.split("/")):
        return None
    folder, _, name = path.rpartition("/")
    # A file does not say of itself whether it is a link; the folder that lists it does.
    asked = [f"{checked(commit)}:{one}".encode() for one in (path, folder)]
    async with aclosing(read_objects(git, asked, cap=cap + _LISTING_CAP)) as answers:
        (kind, content), (_, listing) = [answer async for answer in answers]
    if kind != "blob" or _mode(listing, name.encode(), id_bytes=len(commit) // 2) not in _FILE_MODES:
        return None
    if len(content) > cap:
        raise OutputTooLarge(f"{path} is over {cap // 1_000_000} MB.")
    return content


async def read_texts(git: Git, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Small text files at a commit, by path; those that are not there are not in the answer."""
    names = [f"{checked(commit)}:{path}".encode() for path in paths]
    async with aclosing(read_objects(git, names)) as answers:
        found = zip(paths, [answer async for answer in answers], strict=True)
    return {path: content.decode("utf-8", "replace") for path, (kind, content) in found if kind == "blob"}


async def read_objects(git: Git, names: Sequence[bytes], *, cap: int = OUTPUT_CAP) -> AsyncGenerator[tuple[str, bytes]]:
    """Type and content of each object in order, asked for by id or `commit:path`; ("", b"") for what is not there."""
    asked = b"".join(name + b"\0" for name in names)
    async with git.stream("cat-file", "--batch", "--buffer", "-z", stdin=asked, output_cap=cap) as chunks:
        waiting = iter(names)
        name = next(waiting, b"")
        buffer = bytearray()
        async for chunk in chunks:
            buffer += chunk
            start = 0
            while (answer := _answer(buffer, start, name)) is not None:
                kind, content, start = answer
                yield kind, content
                name = next(waiting, b"")
            del buffer[:start]


def _answer(buffer: bytearray, start: int, name: bytes) -> tuple[str, bytes, int] | None:
    """The first answer behind `start` and where it ends, None while it is not whole.

    It is a line with the size, the bytes and a line end, or the name and "missing".
    """
    missing = name + b" missing\n"
    if buffer.startswith(missing, start):
        return "", b"", start + len(missing)
    line_end = buffer.find(b"\n", start)
    # A name may hold line ends; no answer but "missing" begins with it and goes on.
    if line_end < 0 or missing.startswith(buffer[start : start + len(missing)]):
        return None
    _, kind, *size = buffer[start:line_end].decode("ascii", "replace").split(" ")
    if not size:
        # A submodule, as newer versions of git say it.
        return "", b"", line_end + 1
    begin, end = line_end + 1, line_end + 1 + int(size[0])
    return None if len(buffer) <= end else (kind, bytes(buffer[begin:end]), end + 1)


def _mode(tree: bytes, name: bytes, *, id_bytes: int) -> str:
    """What a tree object says of one of its entries; empty when it has none of that name."""
    position = 0
    while position < len(tree):
        end = tree.index(b"\0", position)
        mode, _, entry = tree[position:end].partition(b" ")
        if entry == name:
            return mode.decode("ascii")
        position = end + 1 + id_bytes
    return ""


async def sizes(git: Git, object_ids: Sequence[str]) -> dict[str, int]:
    """How large the objects are; those that are not there are not in the answer."""
    asked = "".join(f"{object_id}\n" for object_id in object_ids)
    output = await git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked.encode())
    answers = (line.split(" ") for line in output.decode("ascii", "replace").splitlines())
    return {object_id: int(size) for object_id, size in answers if size.isdigit()}


async def list_tree(git: Git, tree: str) -> list[TreeEntry]:
    """Every path below a commit or tree, in git's order."""
    output = await git.run("ls-tree", "-r", "-l", "-z", checked(tree))
    return [_entry(record) for record in output.split(b"\0") if record]


def _entry(record: bytes) -> TreeEntry:
    facts, _, path = record.partition(b"\t")
    mode, _, object_id, size = facts.decode("ascii").split()
    return TreeEntry(mode, object_id, -1 if size == "-" else int(size), decode_path(path))
