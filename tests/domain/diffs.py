"""Changes for tests, written as two texts."""

import difflib

from app.checkouts.diff_parser import parse
from app.domain.diff import Diff, FileChange
from app.domain.findings import Category, Finding, Place, Severity


def file_change(old: str, new: str, *, path: str = "a.py", old_path: str | None = None, context: int = 3) -> FileChange:
    """The change between two texts, with hunks as git makes them."""
    body = "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in list(difflib.unified_diff(lines_of(old), lines_of(new), n=context))[2:]
    )
    was = old_path or path
    kind = b"R099\0" + was.encode() + b"\0" if was != path else b"M\0"
    raw = b":100644 100644 %040d %040d " % (1, 2) + kind + path.encode() + b"\0"
    return parse(raw, f"diff --git a/{was} b/{path}\n--- a/{was}\n+++ b/{path}\n{body}".encode())[0]


def lines_of(text: str) -> list[str]:
    """Lines as git counts them: other line ends than a newline are characters."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [line for line in text.split("\n")[-1:] if line]


def diff_of(*files: FileChange) -> Diff:
    return Diff(merge_base_sha="a" * 40, head_sha="b" * 40, files=files)


def finding(
    quote: str = "total = price * count",
    *,
    line: int = 10,
    path: str = "a.py",
    title: str = "The total ignores the discount",
    body: str = "A discount of the cart is never subtracted, so the customer pays too much.",
    reviewer: str = "bug_hunter",
    rule: str = "correctness",
    symbol: str = "",
) -> Finding:
    return Finding(
        reviewer=reviewer,
        rule=rule,
        category=Category.CORRECTNESS,
        severity=Severity.MEDIUM,
        title=title,
        body=body,
        place=Place(path=path, start_line=line, line=line),
        quote=quote,
        symbol=symbol,
    )
