"""Diffs as git writes them, with every name and byte that git allows."""

import subprocess
import tracemalloc
from pathlib import Path

import pytest

from app.checkouts.diff_parser import parse, parse_combined
from app.domain.diff import FileChange
from tests.checkouts.repos import GIT, Repo
from tests.harness.growth import LINEAR, growth


def changes(repo: Repo, before: str, after: str) -> dict[str, FileChange]:
    command = [GIT, "diff-tree", "-r", "--raw", "-z", "--full-index", "-M", "-p", before, after]
    done = subprocess.run(command, cwd=repo.folder, capture_output=True, check=True)
    return {file.path: file for file in parse_combined(done.stdout)}


def lines(file: FileChange) -> list[tuple[str, str, int | None, int | None]]:
    return [(line.kind[0], line.text, line.old, line.new) for hunk in file.hunks for line in hunk.lines]


NAMES = [
    "new\nline.py",
    "tab\there.py",
    'quo"te.py',
    "back\\slash.py",
    "--output=pwn.txt",
    "b --- a.py",
    "a b/c d.py",
    "ünïcode.py",
    "+++ b.py",
    "diff --git a b.py",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read_whole(repo: Repo, name: str) -> None:
    before = repo.commit({name: "one\ntwo\n", "last.py": "x\n"})
    after = repo.commit({name: "one\n2\n", "last.py": "y\n"})
    found = changes(repo, before, after)
    assert lines(found[name]) == [("c", "one", 1, 1), ("r", "two", 2, None), ("a", "2", None, 2)]
    assert lines(found["last.py"]) == [("r", "x", 1, None), ("a", "y", None, 1)]


def test_a_name_that_is_not_utf8_gets_the_replacement_character(repo: Repo) -> None:
    before = repo.head
    (Path(repo.folder.as_posix()) / "caf\udce9.py").write_bytes(b"x\n")
    after = repo.commit()
    assert list(changes(repo, before, after)) == ["caf\ufffd.py"]


CONTENTS: list[tuple[str, bytes, bytes, list[tuple[str, str, int | None, int | None]]]] = [
    ("no newline before", b"a", b"a\n", [("r", "a", 1, None), ("a", "a", None, 1)]),
    ("no newline after", b"a\nb\n", b"a\nb", [("c", "a", 1, 1), ("r", "b", 2, None), ("a", "b", None, 2)]),
    ("carriage returns", b"a\r\nb\r\n", b"a\r\nc\r\n", [
        ("c", "a\r", 1, 1), ("r", "b\r", 2, None), ("a", "c\r", None, 2),
    ]),
    ("latin-1", b"caf\xe9\n", b"caf\xe9s\n", [("r", "caf\ufffd", 1, None), ("a", "caf\ufffds", None, 1)]),
    ("cut character", b"x\n", b"\xe2\x82\ny\n", [("r", "x", 1, None), ("a", "\ufffd", None, 1), ("a", "y", None, 2)]),
    ("looks like a header", b"-- a\n", b"++ b\n@@ -1 +1 @@\n", [
        ("r", "-- a", 1, None), ("a", "++ b", None, 1), ("a", "@@ -1 +1 @@", None, 2),
    ]),
    ("looks like a file", b"diff --git a/x b/x\n", b"\n", [("r", "diff --git a/x b/x", 1, None), ("a", "", None, 1)]),
    ("form feed and line separator", b"a\n", "a\x0cb\u2028c\n".encode(), [
        ("r", "a", 1, None), ("a", "a\x0cb\u2028c", None, 1),
    ]),
    ("to empty", b"a\n", b"", [("r", "a", 1, None)]),
    ("from empty", b"", b"a\n", [("a", "a", None, 1)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "expected"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS]
)
def test_any_content_keeps_its_lines_and_numbers(
    repo: Repo, before: bytes, after: bytes, expected: list[tuple[str, str, int | None, int | None]]
) -> None:
    first = repo.commit({"file.txt": before, "z.txt": "z\n"})
    second = repo.commit({"file.txt": after, "z.txt": "zz\n"})
    found = changes(repo, first, second)
    assert lines(found["file.txt"]) == expected
    assert lines(found["z.txt"]) == [("r", "z", 1, None), ("a", "zz", None, 1)]


def test_every_kind_of_change_keeps_its_own_lines(repo: Repo) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    before = repo.commit(
        {"moved.py": text, "edited.py": text + "x\n", "gone.py": "gone\n", "run.sh": "run\n", "image.png": b"\0\1"}
        | {"tolink.py": "code\n", "fromlink.py": "x\n"}
    )
    (repo.folder / "fromlink.py").unlink()
    (repo.folder / "fromlink.py").symlink_to("README.md")
    before = repo.commit()
    repo.git("mv", "moved.py", "renamed.py")
    repo.git("mv", "edited.py", "edited2.py")
    (repo.folder / "run.sh").chmod(0o755)
    for name in ("tolink.py", "fromlink.py"):
        (repo.folder / name).unlink()
    (repo.folder / "tolink.py").symlink_to("/etc/passwd")
    repo.write({"fromlink.py": "now code\n", "edited2.py": text + "y\n", "gone.py": None, "image.png": b"\0\2"})
    repo.write({"empty.py": ""})
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{before},module")
    repo.git("add", "empty.py", "gone.py", "image.png", "edited2.py", "run.sh", "tolink.py", "fromlink.py")
    repo.git("commit", "-q", "-m", "all kinds")
    found = changes(repo, before, repo.head)
    assert {file.path: (file.kind, file.old_path, len(file.hunks), file.binary) for file in found.values()} == {
        "edited2.py": ("renamed", "edited.py", 1, False),
        "empty.py": ("added", "empty.py", 0, False),
        "fromlink.py": ("added", "fromlink.py", 1, False),
        "gone.py": ("deleted", "gone.py", 1, False),
        "image.png": ("modified", "image.png", 0, True),
        "module": ("submodule", "module", 0, False),
        "renamed.py": ("renamed", "moved.py", 0, False),
        "run.sh": ("mode", "run.sh", 0, False),
        "tolink.py": ("symlink", "tolink.py", 0, False),
    }
    assert lines(found["fromlink.py"]) == [("a", "now code", None, 1)]
    assert lines(found["gone.py"]) == [("r", "gone", 1, None)]


def large_change(files: int) -> tuple[bytes, bytes]:
    """So many new files of a thousand lines."""
    raw = b"".join(b":000000 100644 %040d %040d A\0f%d.py\0" % (0, n, n) for n in range(files))
    added = b"".join(
        b"+    value_%d = compute(something, %d)  # a comment of usual length\n" % (n, n) for n in range(1000)
    )
    head = b"diff --git a/f%d b/f%d\n--- /dev/null\n+++ b/f%d\n@@ -0,0 +1,1000 @@\n"
    return raw, b"".join(head % (n, n, n) + added for n in range(files))


def test_a_large_change_is_read_in_linear_time_and_little_memory() -> None:
    sizes = {files: large_change(files) for files in (2, 16)}
    assert growth(lambda files: parse(*sizes[files]), 2) < LINEAR
    assert sum(file.changed_line_count for file in parse(*sizes[16])) == 16_000
    change = large_change(2)
    tracemalloc.start()
    kept = parse(*change)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A line is a few hundred bytes; nothing else is kept.
    assert size < 1_500 * sum(file.changed_line_count for file in kept)
