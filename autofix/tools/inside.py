"""Runs inside the sandbox, by `python3 -I -S -c`: one look at files, or one change to them, asked for in JSON.

Only the standard library of Python 3.8 on: it is the image's own. Answers in plain text; 3 is the exit code of an
answer that says why it could not be done.
"""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import json
import os
import re
import stat
import sys
from collections.abc import Iterator

Asked = dict[str, str]

LONGEST_LINE = 2_000
LONGEST_FILE = 20_000_000
MOST_ENTRIES = 500
# More than anybody reads; whoever asked cuts them.
MOST_MATCHES = 1_000
# Folders that nobody means when they look for something.
SKIPPED = frozenset({".git", "node_modules", "__pycache__", ".venv", ".mypy_cache", ".pytest_cache"})


class CannotError(Exception):
    """Why it could not be done: a sentence for the model."""


def main() -> int:
    asked: Asked = json.loads(sys.stdin.buffer.read())
    try:
        text = {"read": read, "list": list_, "search": search, "edit": edit, "write": write}[asked["do"]](asked)
    except CannotError as error:
        sys.stdout.buffer.write(str(error).encode("utf-8", "replace"))
        return 3
    except OSError as error:
        sys.stdout.buffer.write(f"{asked['path']}: {error.strerror}.".encode("utf-8", "replace"))
        return 3
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    return 0


def read(asked: Asked) -> str:
    """Numbered lines from `first`, `count` of them."""
    lines = _text(asked["path"]).split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    first, count = max(1, int(asked["first"])), int(asked["count"])
    if not lines:
        return "The file is empty."
    if first > len(lines):
        raise CannotError(f"{asked['path']} has {len(lines)} lines.")
    shown = _numbered(lines, first, min(len(lines), first + count - 1))
    left = len(lines) - (first + count - 1)
    return shown + (f"\n({left} more lines; the file has {len(lines)}.)" if left > 0 else "")


def list_(asked: Asked) -> str:
    """Entries below a folder, folders with a slash, links with their target."""
    top = asked["path"] or "."
    if not os.path.isdir(top):
        raise CannotError(f"{top} is not a folder.")
    found = list(itertools.islice(_entries(top, "", int(asked["depth"])), MOST_ENTRIES + 1))
    more = "\n(There is more; list a folder below.)" if len(found) > MOST_ENTRIES else ""
    return ("\n".join(found[:MOST_ENTRIES]) or "The folder is empty.") + more


def search(asked: Asked) -> str:
    """`path:line:text` of lines that match, as ripgrep prints them."""
    try:
        pattern = re.compile(asked["pattern"])
    except re.error as error:
        raise CannotError(f"The pattern is not a regular expression: {error}.") from None
    found: list[str] = []
    for path in _files(asked["path"] or "."):
        name = os.path.relpath(path)
        if (
            asked["glob"]
            and not fnmatch.fnmatch(name, asked["glob"])
            and not fnmatch.fnmatch(os.path.basename(name), asked["glob"])
        ):
            continue
        found += [f"{name}:{number}:{line[:300]}" for number, line in _lines(path) if pattern.search(line)]
        if len(found) > MOST_MATCHES:
            break
    return "\n".join(found)


def edit(asked: Asked) -> str:
    """Replaces exactly what was quoted, once unless `all`."""
    path, old, new = asked["path"], asked["old"], asked["new"]
    text = _text(path)
    if "\r\n" in text and "\r\n" not in old:
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    if not old or old == new:
        raise CannotError("Nothing to do: `old` is empty, or the same as `new`.")
    times = text.count(old)
    if times == 0:
        raise CannotError(f"`old` is not in {path}.{_nearest(text, old)}")
    if times > 1 and not asked["all"]:
        lines = [str(text.count("\n", 0, match.start()) + 1) for match in re.finditer(re.escape(old), text)]
        raise CannotError(
            f"`old` is in {path} {times} times, at lines {', '.join(lines[:10])}: quote more, or set `all`."
        )
    at = text.index(old)
    changed = text.replace(old, new)
    _put(path, changed)
    first = changed.count("\n", 0, at) + 1
    last = first + new.count("\n")
    lines = changed.removesuffix("\n").split("\n")
    shown = _numbered(lines, max(1, first - 3), min(len(lines), last + 3, first + 60))
    return f"Replaced {'once' if times == 1 else f'{times} times'}. Now:\n{shown}"


def write(asked: Asked) -> str:
    """The whole file, new or in place of what was there."""
    path, content = asked["path"], asked["content"]
    was = os.path.lexists(path)
    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    _put(path, content)
    return f"{'Replaced' if was else 'Created'} {path}, {content.count(chr(10)) + bool(content[-1:].strip())} lines."


def _text(path: str) -> str:
    """Its text, line ends as they are; undecodable bytes survive a change of the rest."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise CannotError(
            f"{path} is a folder; list it." if stat.S_ISDIR(status.st_mode) else f"{path} is not a plain file."
        )
    if status.st_size > LONGEST_FILE:
        raise CannotError(f"{path} has {status.st_size} bytes; look at a part of it with a command.")
    with open(path, "rb") as file:
        data = file.read()
    if b"\0" in data[:8000]:
        raise CannotError(f"{path} is not a text.")
    return data.decode("utf-8", "surrogateescape")


def _put(path: str, text: str) -> None:
    """Whole or not at all, with the mode that it had."""
    if os.path.islink(path) or (os.path.lexists(path) and not os.path.isfile(path)):
        raise CannotError(f"{path} is not a plain file.")
    mode = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0o644
    beside = f"{path}.new~"
    with open(beside, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    os.chmod(beside, mode)
    os.replace(beside, path)


def _numbered(lines: list[str], first: int, last: int) -> str:
    def cut(line: str) -> str:
        line = line.rstrip("\r")
        return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}… ({len(line)} characters)"

    return "\n".join(f"{number:>5}\t{cut(lines[number - 1])}" for number in range(first, last + 1))


def _nearest(text: str, old: str) -> str:
    """Where the quoted lines stand with other white space, or what looks most like their first line."""
    lines = [line.strip() for line in text.split("\n")]
    wanted = [line.strip() for line in old.strip().split("\n")]
    for at in range(len(lines) - len(wanted) + 1):
        if lines[at : at + len(wanted)] == wanted:
            return f" Lines {at + 1} to {at + len(wanted)} differ from it in white space only: copy them exactly."
    near = difflib.get_close_matches(wanted[0], lines[:5_000], 1, 0.6) if wanted[0] else []
    return f" Line {lines.index(near[0]) + 1} comes nearest to its first line." if near else " Read the file again."


def _entries(folder: str, above: str, depth: int) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.islink(path):
            yield f"{above}{name} -> {os.readlink(path)}"
        elif not os.path.isdir(path):
            yield f"{above}{name}"
        elif name in SKIPPED:
            yield f"{above}{name}/ (not looked into)"
        else:
            yield f"{above}{name}/"
            if depth > 1:
                yield from _entries(path, f"{above}{name}/", depth - 1)


def _files(top: str) -> Iterator[str]:
    if os.path.isfile(top):
        yield top
    elif not os.path.isdir(top):
        raise CannotError(f"{top} is not there.")
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        yield from (os.path.join(folder, name) for name in sorted(files))


def _lines(path: str) -> Iterator[tuple[int, str]]:
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode) or os.path.getsize(path) > LONGEST_FILE:
            return
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        return
    if b"\0" not in data[:8000]:
        yield from enumerate(data.decode("utf-8", "replace").splitlines(), 1)


if __name__ == "__main__":
    sys.exit(main())
