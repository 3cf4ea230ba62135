"""Changes made from two versions of some files, as git would describe them."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Literal

from app.domain.diff import Diff, FileChange, Hunk, Line
from reviewers.base import Change


def diff_of(base: Mapping[str, str], head: Mapping[str, str]) -> Diff:
    """The diff between two trees, given as path -> text; equal files are left out."""
    paths = [path for path in {**base, **head} if base.get(path) != head.get(path)]
    return Diff(
        merge_base_sha="a" * 40,
        head_sha="b" * 40,
        files=tuple(_file(path, base.get(path), head.get(path)) for path in paths),
    )


def change_of(  # what a reviewer is given, on disk as from a code snapshot
    folder: Path,
    base: Mapping[str, str],
    head: Mapping[str, str],
    *,
    title: str = "A change",
    body: str = "",
    rules: str = "",
    effort: Literal["low", "normal", "high"] = "normal",
) -> Change:
    for side, files in (("base", base), ("head", head)):
        for path, text in files.items():
            target = folder / side / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
    return Change(
        diff=diff_of(base, head),
        head_root=folder / "head",
        base_root=folder / "base",
        title=title,
        body=body,
        rules=rules,
        effort=effort,
    )


def _file(path: str, before: str | None, after: str | None) -> FileChange:
    kind = "added" if before is None else "deleted" if after is None else "modified"
    old, new = _lines(before), _lines(after)
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3)
    return FileChange(path=path, old_path=path, kind=kind, hunks=tuple(_hunk(group, old, new) for group in groups))


def _lines(text: str | None) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _hunk(group: list[tuple[str, int, int, int, int]], old: list[str], new: list[str]) -> Hunk:
    (_, old_from, _, new_from, _), (_, _, old_to, _, new_to) = group[0], group[-1]
    return Hunk(
        # Git numbers an empty side by the line before it.
        old_start=old_from + (old_to > old_from),
        old_count=old_to - old_from,
        new_start=new_from + (new_to > new_from),
        new_count=new_to - new_from,
        lines=tuple(line for code in group for line in _of(code, old, new)),
    )


def _of(code: tuple[str, int, int, int, int], old: list[str], new: list[str]) -> Iterator[Line]:
    tag, old_from, old_to, new_from, new_to = code
    if tag == "equal":
        for shift in range(old_to - old_from):
            yield Line(kind="context", text=old[old_from + shift], old=old_from + shift + 1, new=new_from + shift + 1)
        return
    for at in range(old_from, old_to):
        yield Line(kind="removed", text=old[at], old=at + 1)
    for at in range(new_from, new_to):
        yield Line(kind="added", text=new[at], new=at + 1)
