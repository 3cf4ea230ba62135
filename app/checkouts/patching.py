"""Turns patch text into one commit on a trusted mirror and pushes it: no working tree, no hooks, never by force."""

import re
import tempfile
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from app.checkouts import objects
from app.checkouts.diff_parser import RawChange, read_changes
from app.checkouts.git import Access, Git, GitError, network_config
from app.checkouts.mirrors import AccessDenied, Mirrors, RepoKey
from app.domain.errors import Refused
from app.domain.fixes import SpelledCommit
from app.domain.model import Frozen

# How long may a push take, the forge's own checks of it included?
PUSH_DEADLINE = timedelta(minutes=3)

_REGULAR = {"100644", "100755"}
_NO_SUCH_MODE = "000000"
# Names that some file system takes for .git are refused wherever we run.
_APPLY_CONFIG = {"core.protectHFS": "true", "core.protectNTFS": "true"}
_STALE = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|reference already exists|incorrect old value"
)
_DENIED = re.compile(
    r"Authentication failed|could not read Username|returned error: 40[134]|repository '.*' not found|denied to",
    re.IGNORECASE,
)


class PatchRefused(Refused):
    """The patch does not lead where its text said, or not from this head."""


class PushRefused(Refused):
    """The commit did not get onto the branch: the default one, a protected one, a required signature."""


class PushDeclined(PushRefused):
    """By the forge's own rules, which may allow a commit that it makes itself."""


class BranchMoved(Exception):
    """Somebody else pushed to the branch, or deleted it; nothing was changed."""

    def __init__(self, branch: str) -> None:
        super().__init__(f"{branch} is no longer at the commit the fix was made on")
        self.branch = branch


class Signature(Frozen):
    """Who a commit is by, and when: the same patch at the same time is the same commit, however often it is made."""

    name: str
    email: str
    at: datetime


class MadeCommit(Frozen):
    """A commit with one parent, in the mirror's objects and named by no ref."""

    commit_sha: str
    parent_sha: str
    tree_id: str


class Patching:
    """Works on what `mirrors` holds; the commit it is asked to build on must have been fetched."""

    def __init__(self, mirrors: Mirrors, *, protocols: tuple[str, ...] = ("https",)) -> None:
        self._mirrors = mirrors
        self._protocols = protocols

    async def commit(
        self, repo: RepoKey, *, head_sha: str, patch: bytes, paths: Collection[str], message: str, signature: Signature
    ) -> MadeCommit:
        """One commit on the head that changes exactly `paths` (those the policy saw), or PatchRefused."""
        async with _with_index(self._mirrors.git(repo)) as git:
            await git.run("read-tree", f"{objects.checked(head_sha)}^{{tree}}")
            try:
                await git.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=patch)
            except GitError as error:
                if error.exit_code not in {1, 128}:
                    raise
                raise PatchRefused("the patch does not apply to the branch as it is now") from error
            tree_id = (await git.run("write-tree")).decode("ascii").strip()
            await _check_tree(git, head_sha, tree_id, paths)
            made = await replace(git, environment={**git.environment, **_signed(signature)}).run(
                *("commit-tree", "--no-gpg-sign", "-p", head_sha, "-F", "-", tree_id), stdin=message.encode()
            )
        return MadeCommit(commit_sha=made.decode("ascii").strip(), parent_sha=head_sha, tree_id=tree_id)

    async def push(
        self,
        repo: RepoKey,
        access: Access,
        *,
        made: MadeCommit,
        branch: str,
        expected_sha: str | None,
        default_branch: str,
    ) -> None:
        """Put the commit on the branch, which must stand at its parent; None where the branch is to be new.

        Safe to repeat. BranchMoved, PushRefused, AccessDenied; GitError is worth another try.
        """
        git = replace(self._mirrors.git(repo), protocols=self._protocols)
        ref = await _checked_ref(git, branch, default_branch)
        if expected_sha is not None and expected_sha != made.parent_sha:
            raise BranchMoved(branch)
        await _check_parent(git, made)
        await _push(git, access, branch, f"{made.commit_sha}:{ref}", lease=expected_sha)

    async def spelled_out(self, repo: RepoKey, made: MadeCommit) -> SpelledCommit:
        """PatchRefused where it holds what only git can say: a mode, or bytes that are no text."""
        git = self._mirrors.git(repo)
        files: dict[str, bytes | None] = {}
        for change in await _changes(git, made.parent_sha, made.tree_id):
            if "100755" in {change.old_mode, change.new_mode}:
                raise PatchRefused(f"{change.name} is a program, whose mode a commit of the forge's own cannot say")
            content = None if change.status == "D" else await git.run("cat-file", "blob", change.new_blob)
            if b"\0" in (content or b""):
                raise PatchRefused(f"{change.name} is no text, which a commit of the forge's own cannot hold")
            files[change.name] = content
        message = await git.run("log", "--max-count=1", "--format=%B", objects.checked(made.commit_sha))
        return SpelledCommit(parent_sha=made.parent_sha, message=message.decode().strip(), files=files)

    async def is_same(self, repo: RepoKey, made: MadeCommit, commit_sha: str) -> bool:
        """Another commit of the same tree on the same parent; it must have been fetched."""
        format_ = ("--max-count=1", "--format=%P %T")
        line = await self._mirrors.git(repo).run("log", *format_, objects.checked(commit_sha))
        return line.decode("ascii").split() == [made.parent_sha, made.tree_id]

    async def remove(self, access: Access, *, branch: str, expected_sha: str, default_branch: str) -> None:
        """Take a branch away that still stands at this commit; BranchMoved where it does not, or is gone already."""
        with tempfile.TemporaryDirectory(prefix="push-") as folder:
            # Nothing of the repository is needed for it, and its mirror may have made room for others.
            git = Git(git_dir=Path(folder) / "git", protocols=self._protocols)
            await git.run("init", "--bare", "--quiet", "--template=")
            ref = await _checked_ref(git, branch, default_branch)
            await _push(git, access, branch, f":{ref}", lease=expected_sha)


async def _push(git: Git, access: Access, branch: str, what: str, *, lease: str | None) -> None:
    """One ref, if it stands where we think: nowhere without a lease."""
    try:
        printed = await git.run(
            *("push", "--porcelain", "--no-verify", "--no-signed", "--recurse-submodules=no"),
            f"--force-with-lease=refs/heads/{branch}:{objects.checked(lease) if lease else ''}",
            *("--", access.url, what),
            config=network_config(access),
            deadline=PUSH_DEADLINE,
            accept=(0, 1),
        )
    except GitError as error:
        if _DENIED.search(error.stderr):
            raise AccessDenied(str(error), stderr=error.stderr, exit_code=error.exit_code) from error
        raise
    _check_push(printed.decode("utf-8", "replace"), branch)


@asynccontextmanager
async def _with_index(git: Git) -> AsyncGenerator[Git]:
    """The repository with an index of its own, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="index-") as folder:
        yield replace(git, config=_APPLY_CONFIG, environment={"GIT_INDEX_FILE": str(Path(folder) / "index")})


def _signed(signature: Signature) -> Mapping[str, str]:
    date = f"{int(signature.at.timestamp())} +0000"
    return {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", signature.name), ("EMAIL", signature.email), ("DATE", date))
    }


async def _check_tree(git: Git, head_sha: str, tree_id: str, paths: Collection[str]) -> None:
    """What git made of the patch, not what the patch said of itself, is held against what was allowed."""
    changes = await _changes(git, head_sha, tree_id)
    if not changes:
        raise PatchRefused("the patch changes nothing on the branch as it is now")
    if unexpected := {change.name for change in changes} ^ set(paths):
        raise PatchRefused(f"the patch and what it changes differ in {min(unexpected)}")
    for change in changes:
        if not _is_ordinary(change):
            raise PatchRefused(f"{change.name} would not be an ordinary file with its old mode")


async def _changes(git: Git, head_sha: str, tree_id: str) -> Sequence[RawChange]:
    raw = await git.run("diff-tree", "-r", "--raw", "-z", "--no-renames", f"{head_sha}^{{tree}}", tree_id)
    return read_changes(raw)[0]


def _is_ordinary(change: RawChange) -> bool:
    match change.status:
        case "A":
            return change.new_mode == "100644"
        case "D":
            return change.old_mode in _REGULAR and change.new_mode == _NO_SUCH_MODE
        case "M":
            return change.old_mode == change.new_mode and change.new_mode in _REGULAR
        case _:
            return False


async def _checked_ref(git: Git, branch: str, default_branch: str) -> str:
    ref = f"refs/heads/{branch}"
    if branch == default_branch or not default_branch:
        raise PushRefused(f"{branch} is the default branch")
    try:
        await git.run("check-ref-format", ref)
    except GitError:
        raise PushRefused(f"{branch[:80]!r} is not a branch name") from None
    return ref


async def _check_parent(git: Git, made: MadeCommit) -> None:
    """Whatever was stored about it meanwhile: what is pushed adds one commit to the branch and replaces none."""
    line = await git.run("rev-list", "--parents", "--max-count=1", objects.checked(made.commit_sha))
    if line.decode("ascii").split() != [made.commit_sha, made.parent_sha]:
        raise PatchRefused("the commit does not stand on the head it was made for")


def _check_push(printed: str, branch: str) -> None:
    """Lines are `flag TAB from:to TAB summary`; the only ref's flag says how it went."""
    answers = [line.split("\t", 2) for line in printed.splitlines() if line.count("\t") >= 2]
    flag, _, summary = answers[0] if answers else ("!", "", "no answer")
    if flag.strip() != "!":
        return
    if _STALE.search(summary):
        raise BranchMoved(branch)
    reason = summary.rpartition("(")[2].rstrip(")") or summary
    raise PushDeclined(f"the forge refused the push to {branch}: {reason[:200]}")
