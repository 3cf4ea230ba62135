"""Commits as text: what is fed to git to make one, and how its log is read."""

from collections.abc import Mapping
from dataclasses import dataclass

# Fields part at NUL, records at 1: neither can be in a message.
LOG_FORMAT = "tformat:%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01"


@dataclass(frozen=True)
class TreeEntry:
    """A file with a mode of its own: 100755, 120000 (the content is the target) or 160000 (the content is a hash)."""

    mode: str
    content: str | bytes


Content = str | bytes | TreeEntry | None


@dataclass(frozen=True)
class Commit:
    """A commit as the API tells of it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    message: str


def import_script(
    branch: str, changes: Mapping[str, Content], *, message: str, identity: str, parent: str | None
) -> bytes:
    """For `git fast-import`: one commit with these files (None deletes), whose hash is printed."""
    lines = [
        f"commit refs/heads/{branch}\nmark :1\nauthor {identity}\ncommitter {identity}\n".encode(),
        _data(message.encode()),
        b"" if parent is None else f"from {parent}\n".encode(),
        *(_file_change(path, content) for path, content in changes.items()),
        b"\nget-mark :1\n",
    ]
    return b"".join(lines)


def read_log(output: bytes) -> tuple[Commit, ...]:
    """What `git log` printed in LOG_FORMAT."""
    records = output.decode("utf-8", "replace").split("\x01")
    return tuple(_read_commit(record.lstrip("\0")) for record in records if record.strip("\0\n"))


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _file_change(path: str, content: Content) -> bytes:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").encode("utf-8", "surrogateescape")
    if content is None:
        return b'D "%b"\n' % quoted
    entry = content if isinstance(content, TreeEntry) else TreeEntry("100644", content)
    data = entry.content.encode() if isinstance(entry.content, str) else entry.content
    if entry.mode == "160000":
        return b'M 160000 %b "%b"\n' % (data, quoted)
    return b'M %b inline "%b"\n%b' % (entry.mode.encode(), quoted, _data(data))


def _read_commit(record: str) -> Commit:
    sha, tree, parents, *people, message = record.split("\0", 9)
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=(people[0], people[1], people[2]),
        committer=(people[3], people[4], people[5]),
        message=message.rstrip("\n"),
    )
