"""Commits of a trusted mirror: what a pull request brought, which later ones mend something, and what they mend."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile

from app.checkouts import objects
from app.checkouts.git import Git, GitError
from app.domain.model import Frozen

# More commits than a pull request that anybody reviews.
_MOST_COMMITS = 250
# How much of one fix is traced back? A commit that touches more is no fix.
_MOST_FILES, _MOST_RANGES = 20, 40
_FIX = re.compile(r"\b(fix(es|ed)?|hotfix|bug ?fix|regression|revert(s|ed)?)\b", re.IGNORECASE)
_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? ", re.MULTILINE)


class Mending(Frozen):
    """A commit whose message says that it mends something."""

    commit: str
    subject: str
    at: datetime


async def commits_of(git: Git, merge_base_sha: str, head_sha: str, merge_sha: str) -> tuple[str, ...]:
    """A merged pull request's own commits, and what they became on the branch: a merge, one commit, or copies."""
    own = await _log(git, f"{objects.checked(merge_base_sha)}..{objects.checked(head_sha)}", _MOST_COMMITS)
    if not merge_sha:
        return tuple(own)
    subjects = set(own.values())
    landed = await _log(git, objects.checked(merge_sha), max(1, len(own)), "--first-parent")
    copies = takewhile(lambda commit: landed[commit] in subjects, landed)
    return tuple(dict.fromkeys((*own, merge_sha, *copies)))


async def mendings(git: Git, tip: str, *, after: str, most: int) -> list[Mending]:
    """Commits on a branch since the one that was looked at last, which say they mend something; newest first.

    Where that one is gone, and before the first look, the newest so many are read.
    """
    form = "--format=%H%x00%ct%x00%s"
    known = [f"^{objects.checked(after)}"] if after else []
    try:
        output = await git.run("log", "--no-merges", form, f"-n{most}", objects.checked(tip), *known)
    except GitError:
        output = await git.run("log", "--no-merges", form, f"-n{most}", objects.checked(tip))
    found: list[Mending] = []
    for line in output.decode("utf-8", "replace").splitlines():
        commit, at, subject = line.split("\0", 2)
        if _FIX.search(subject):
            found.append(Mending(commit=commit, subject=subject[:200], at=datetime.fromtimestamp(int(at), UTC)))
    return found


async def mended_lines(git: Git, commit: str) -> Counter[str]:
    """Which commits the lines that this one removed or changed came from, and how many of each."""
    commit = objects.checked(commit)
    names = await git.run("diff-tree", "-r", "-z", "--name-only", "--diff-filter=M", f"{commit}^", commit)
    paths = [name for name in names.split(b"\0") if name]
    origins: Counter[str] = Counter()
    if len(paths) > _MOST_FILES:
        return origins
    for path in paths:
        patch = await git.run("diff", "-U0", "--no-ext-diff", "--no-textconv", f"{commit}^", commit, "--", path)
        if ranges := [f"-L{start},+{count}" for start, count in _removed(patch)][:_MOST_RANGES]:
            origins += _origins(await _blame(git, commit, path, ranges))
    return origins


def _removed(patch: bytes) -> Iterator[tuple[int, int]]:
    for start, count in _HUNK.findall(patch):
        lines = int(count) if count else 1
        if lines:
            yield int(start), lines


async def _blame(git: Git, commit: str, path: bytes, ranges: list[str]) -> bytes:
    try:
        return await git.run("blame", "--line-porcelain", *ranges, f"{commit}^", "--", path)
    except GitError:
        # A submodule, or a file that git cannot follow.
        return b""


def _origins(blame: bytes) -> Counter[str]:
    """Lines by the commit that wrote them; at the edge of a shallow history nobody knows who did."""
    origins: Counter[str] = Counter()
    writer, is_edge = "", False
    for line in blame.split(b"\n"):
        if line.startswith(b"\t"):
            origins[writer] += not is_edge
            is_edge = False
        elif line == b"boundary":
            is_edge = True
        elif found := re.match(rb"([0-9a-f]{40}) \d+ \d+", line):
            writer = found[1].decode()
    return origins


async def _log(git: Git, what: str, most: int, *options: str) -> dict[str, str]:
    """Commit -> subject."""
    output = await git.run("log", *options, "--format=%H%x00%s", f"-n{most}", what)
    lines = output.decode("utf-8", "replace").splitlines()
    return {commit: subject for commit, _, subject in (line.partition("\0") for line in lines)}
