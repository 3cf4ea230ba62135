"""Reads files and trees out of a trusted bare repository, by object id; nothing is ever checked out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.checkouts.diff_parser import decode_path
from app.checkouts.git import Git, GitError

# Configuration, rules and the like are read whole; anything larger is not one of them.
FILE_CAP = 1_000_000

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
    listing = await git.run("ls-tree", "-z", checked(commit), "--", path)
    mode, _, rest = listing.decode("utf-8", "replace").partition(" ")
    if mode not in _FILE_MODES:
        return None
    return await git.run("cat-file", "blob", rest.split()[1], output_cap=cap)


async def read_texts(git: Git, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Small text files at a commit, by path; those that are not there are not in the answer."""
    names = [f"{checked(commit)}:{path}".encode() for path in paths]
    output = await git.run("cat-file", "--batch", "-z", stdin=b"".join(name + b"\0" for name in names))
    texts: dict[str, str] = {}
    position = 0
    for name, path in zip(names, paths, strict=True):
        if output.startswith(name + b" missing\n", position):
            position += len(name) + len(b" missing\n")
            continue
        end = output.index(b"\n", position)
        _, kind, size = output[position:end].decode("ascii", "replace").split(" ")
        content = output[end + 1 : end + 1 + int(size)]
        position = end + 1 + int(size) + 1
        if kind == "blob":
            texts[path] = content.decode("utf-8", "replace")
    return texts


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
