"""Untrusted files of a change: which can be opened, and their lines as linters count them."""

from dataclasses import dataclass, field

from app.domain.diff import Side
from reviewers.base import Change, is_plain_file


def readable_paths(change: Change) -> tuple[list[str], dict[str, str]]:
    """Files to read, and those that cannot be, with the reason. A deleted file has nothing left to read."""
    paths: list[str] = []
    unreadable: dict[str, str] = {}
    for file in change.diff.reviewable:
        if file.kind == "deleted":
            continue
        if is_plain_file(change.head_root, file.path):
            paths.append(file.path)
        else:
            why = "its name is not valid UTF-8" if "\ufffd" in file.path else "it is no plain file at the head"
            unreadable[file.path] = f"linters could not open it: {why}"
    return paths, unreadable


@dataclass(frozen=True)
class SourceLines:
    """Lines of the files of one side under the paths of the new one; each file is read once."""

    change: Change
    side: Side
    _read: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def line(self, path: str, number: int) -> str:
        lines = self._of(path)
        return lines[number - 1] if 1 <= number <= len(lines) else ""

    def quote(self, path: str, start_line: int, end_line: int) -> str:
        """The text of the lines; where they are blank (something is missing at the end), the last text above them."""
        lines = self._of(path)
        quote = "\n".join(lines[start_line - 1 : end_line])
        if quote.strip():
            return quote
        return next((line for line in reversed(lines[: start_line - 1]) if line.strip()), "")

    def _of(self, path: str) -> list[str]:
        if path not in self._read:
            name = path if self.side == "new" else self.change.diff.by_path[path].old_path
            # As git and linters count: not at form feeds and other separators, as splitlines would.
            text = self.change.read(name, side=self.side) or ""
            self._read[path] = [line.removesuffix("\r") for line in text.split("\n")]
        return self._read[path]
