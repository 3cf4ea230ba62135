"""Patterns for paths as in .gitignore, matched in time that grows with pattern times path and never explodes."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

# More patterns, or longer ones, than any honest configuration has.
MAX_PATTERNS = 500
MAX_LENGTH = 500


def matches_any(path: str, patterns: Iterable[str]) -> bool:
    """Whether a pattern names the path or a folder above it; what is over the caps is not looked at."""
    return any(matches(path, pattern) for pattern, _ in zip(patterns, range(MAX_PATTERNS), strict=False))


def matches(path: str, pattern: str) -> bool:
    """`*.md` matches in every folder, `docs/*.md` from the root only, `docs/` all that lies in it, `**` any depth."""
    segments = _segments(pattern)
    return segments is not None and _match_path(path.split("/"), segments)


@lru_cache(maxsize=2048)
def _segments(pattern: str) -> tuple[str, ...] | None:
    if not pattern or len(pattern) > MAX_LENGTH:
        return None
    body = pattern.strip("/")
    anchored = pattern.startswith("/") or "/" in body
    segments = [segment for segment in body.split("/") if segment]
    if not segments:
        return None
    if not anchored:
        segments.insert(0, "**")
    # What matches a folder matches all that lies in it.
    if segments[-1] != "**":
        segments.append("**")
    return tuple(segments)


def _match_path(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Two fingers; on a mismatch only the last `**` swallows one more folder, so nothing explodes."""
    at, want, star, mark = 0, 0, -1, 0
    while at < len(path):
        if want < len(pattern) and pattern[want] == "**":
            star, mark, want = want, at, want + 1
        elif want < len(pattern) and _match_name(path[at], pattern[want]):
            at, want = at + 1, want + 1
        elif star >= 0:
            mark += 1
            at, want = mark, star + 1
        else:
            return False
    return all(segment == "**" for segment in pattern[want:])


def _match_name(name: str, pattern: str) -> bool:
    at, want, star, mark = 0, 0, -1, 0
    while at < len(name):
        if want < len(pattern) and pattern[want] == "*":
            star, mark, want = want, at, want + 1
        elif want < len(pattern) and pattern[want] in {"?", name[at]}:
            at, want = at + 1, want + 1
        elif star >= 0:
            mark += 1
            at, want = mark, star + 1
        else:
            return False
    return all(character == "*" for character in pattern[want:])
