"""Bare mirrors of the repositories under review: exactly the commits a review needs, fetched once, read often."""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from app.checkouts import diffing, mirror_files, objects
from app.checkouts.git import Access, Git, GitError, network_config
from app.checkouts.locks import Locks
from app.checkouts.scratch import to_its_end
from app.domain.diff import Diff
from app.domain.errors import UserError
from app.domain.model import Frozen
from app.domain.repo_config import SizeLimits

# How much history is fetched until the merge base is known? None is all of it. A mirror never goes back to less.
DEPTHS = (64, 512, None)
# How long may one fetch take, and how long do we wait for another process that fetches the same repository?
FETCH_DEADLINE = timedelta(minutes=10)
# Every fetch adds a pack; from this many on they are joined.
_MANY_PACKS = 40
# A file at a commit never changes, and a review asks for its configuration many times. How many answers do we keep?
_REMEMBERED_FILES = 256
_REMEMBERED_BYTES = 16_384
# A look fetches, and what is begun after it asks again for the same. For how many, and how long, is the answer kept?
_REMEMBERED_FETCHES = 256
_REMEMBERED_FOR = timedelta(minutes=1)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_INFINITE_DEPTH = 2**31 - 1
_FETCH = (
    "fetch",
    "--quiet",
    "--force",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-show-forced-updates",
)
_FETCH_CONFIG = {
    # Always one pack, moved into place whole: what is visible after a kill is complete.
    "fetch.unpackLimit": "1",
    "fetch.writeCommitGraph": "false",
}
_NOT_THERE = re.compile(r"not our ref|unadvertised object|couldn't find remote ref|no such remote ref", re.IGNORECASE)
_DENIED = re.compile(
    r"Authentication failed|could not read Username|returned error: 40[134]|repository '.*' not found", re.IGNORECASE
)


class RepoKey(Protocol):
    """Which repository: a Repo and a PullRequestRef both say it."""

    @property
    def connection(self) -> str: ...
    @property
    def repo_id(self) -> str: ...


class HeadGone(Exception):
    """The forge no longer has this head: it was force-pushed away, and a newer one is (or will be) known."""

    def __init__(self, head_sha: str) -> None:
        super().__init__(f"{head_sha[:7]} is no longer on the forge")
        self.head_sha = head_sha


class AccessDenied(GitError):
    """The forge knows the repository but not us, or hides it from us: another try with this token will not help."""


class Wanted(Frozen):
    """The commits of one pull request. Refs are full names; base and default are branches, read at their tips."""

    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    default_branch: str

    @property
    def tips(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(f"refs/heads/{branch}" for branch in (self.base_ref, self.default_branch)))


class Fetched(Frozen):
    """What a fetch made known. `default_sha` is where the configuration is read; empty when the branch is gone."""

    head_sha: str
    merge_base_sha: str
    head_tree_id: str
    default_sha: str


class Mirrors:
    """One bare repository per (connection, repository id) under `root`. Credentials never reach the disk."""

    def __init__(self, root: Path, *, protocols: tuple[str, ...] = ("https",)) -> None:
        self._root = root
        self._protocols = protocols
        self._locks = Locks(FETCH_DEADLINE)
        self._files: dict[tuple[str, str, str, str], bytes | None] = {}
        self._fetched: dict[tuple[Path, Wanted], tuple[float, Fetched]] = {}

    async def fetch(self, repo: RepoKey, access: Access, wanted: Wanted, *, refresh: bool = False) -> Fetched:
        """Make the pull request's commits present; without network when they are, unless `refresh`.

        `refresh` asks for the branches' tips in any case: a configuration merged a minute ago counts.
        Raises HeadGone, AccessDenied, UserError (no common history), GitError (worth another try).
        """
        folder = self._folder(repo)
        if not refresh and (found := self._recall(folder, wanted) or await _look(folder, wanted)) is not None:
            return found
        found = await self._fetch_under_lock(folder, access, wanted, refresh=refresh)
        if refresh:
            self._fetched[folder, wanted] = (time.monotonic(), found)
        if len(self._fetched) > _REMEMBERED_FETCHES:
            del self._fetched[next(iter(self._fetched))]
        return found

    def _recall(self, folder: Path, wanted: Wanted) -> Fetched | None:
        """What a fetch found a moment ago. Said once: who asks again may have found the mirror gone or damaged."""
        at, found = self._fetched.pop((folder, wanted), (0.0, None))
        return found if time.monotonic() - at < _REMEMBERED_FOR.total_seconds() else None

    async def _fetch_under_lock(self, folder: Path, access: Access, wanted: Wanted, *, refresh: bool) -> Fetched:
        folder.parent.mkdir(parents=True, exist_ok=True)
        async with self._locks.held(folder.with_suffix(".lock")) as lock:
            # Another task or process may have fetched it meanwhile.
            if lock.waited and not refresh and (found := await _look(folder, wanted)) is not None:
                return found
            fetching = Git(git_dir=folder, protocols=self._protocols, config=_FETCH_CONFIG, lock_fd=lock.descriptor)
            try:
                return await _fetch(fetching, access, wanted)
            except mirror_files.Damaged:
                await to_its_end(mirror_files.remove, folder)
                return await _fetch(fetching, access, wanted)

    async def diff(
        self, repo: RepoKey, merge_base_sha: str, head_sha: str, *, limits: SizeLimits, ignore: Sequence[str] = ()
    ) -> Diff:
        """The change under review; what no reviewer reads carries its reason."""
        return await diffing.diff(self.git(repo), merge_base_sha, head_sha, limits=limits, ignore=ignore)

    async def patch_id(self, repo: RepoKey, merge_base_sha: str, head_sha: str) -> str:
        return await diffing.patch_id(self.git(repo), merge_base_sha, head_sha)

    async def read_file(self, repo: RepoKey, commit: str, path: str) -> bytes | None:
        """None when there is no plain file of that name at the commit."""
        key = (repo.connection, repo.repo_id, commit, path)
        if key in self._files:
            return self._files[key]
        data = await objects.read_file(self.git(repo), commit, path)
        if data is None or len(data) <= _REMEMBERED_BYTES:
            self._remember(key, data)
        return data

    def _remember(self, key: tuple[str, str, str, str], data: bytes | None) -> None:
        self._files[key] = data
        if len(self._files) > _REMEMBERED_FILES:
            # The oldest: what is asked for again is of the newest commits.
            del self._files[next(iter(self._files))]

    def git(self, repo: RepoKey) -> Git:
        """For reading what was fetched; it can reach no network."""
        folder = self._folder(repo)
        mirror_files.mark_used(folder)
        return Git(git_dir=folder)

    async def evict(self, *, max_bytes: int, unused_for: timedelta, now: datetime) -> int:
        """Remove mirrors that nobody used for so long, then the longest unused until the rest fits; how many."""
        return await asyncio.to_thread(mirror_files.evict, self._root, max_bytes, unused_for, now)

    def _folder(self, repo: RepoKey) -> Path:
        for name in (repo.connection, repo.repo_id):
            if _NAME.fullmatch(name) is None:
                raise GitError(f"{name[:80]!r} is not a connection's key or a repository's id.")
        return self._root / repo.connection / f"{repo.repo_id}.git"


async def _fetch(git: Git, access: Access, wanted: Wanted) -> Fetched:
    if not await to_its_end(mirror_files.ready, git.git_dir):
        await _create(git.git_dir)
    known_depth = mirror_files.depth(git.git_dir)
    for depth in DEPTHS[DEPTHS.index(known_depth) :]:
        await _fetch_commits(git, access, wanted, depth)
        mirror_files.set_depth(git.git_dir, depth)
        if (found := await _look(git.git_dir, wanted, fetched=True)) is not None:
            await _join_packs(git)
            return found
    raise UserError(f"The branch and {wanted.base_ref} have no common commit; rebase the branch on it.")


async def _create(folder: Path) -> None:
    fresh = folder.with_suffix(".new")
    await to_its_end(mirror_files.remove, fresh)
    # HEAD names nothing, so that attributes of a branch can never hide a file from a diff.
    await Git(git_dir=fresh).run("init", "--bare", "--quiet", "--template=", "--initial-branch=none")
    fresh.rename(folder)


async def _fetch_commits(git: Git, access: Access, wanted: Wanted, depth: int | None) -> None:
    shallow = mirror_files.is_shallow(git.git_dir) or mirror_files.is_empty(git.git_dir)
    options = [f"--depth={_INFINITE_DEPTH if depth is None else depth}"] if shallow else []
    config = network_config(access)
    # What we ask for, and our own name for it.
    sources = {objects.checked(wanted.head_sha): _local_ref("head", wanted.head_ref)}
    sources |= {tip: _local_ref("branch", tip) for tip in wanted.tips}
    while True:
        specs = [f"+{source}:{local}" for source, local in sources.items()]
        try:
            await git.run(*_FETCH, *options, "--", access.url, *specs, config=config, deadline=FETCH_DEADLINE)
            break
        except GitError as error:
            sources = _without_missing(error, sources, wanted)
    if wanted.head_sha not in sources:
        await _check_head(git, wanted)


def _without_missing(error: GitError, sources: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    """What to ask for after the forge said that it lacks something: the head by its ref, the base by its id."""
    if _NOT_THERE.search(error.stderr) is None:
        raise _classified(error) from error
    # A forge that does not name the object speaks of the one that was asked for by id.
    missing = next((source for source in sources if source in error.stderr), wanted.head_sha)
    if missing == wanted.head_ref or missing not in sources:
        raise HeadGone(wanted.head_sha) from error
    instead = {wanted.head_sha: wanted.head_ref, f"refs/heads/{wanted.base_ref}": objects.checked(wanted.base_sha)}
    kept = {source: local for source, local in sources.items() if source != missing}
    if missing in instead:
        kept[instead[missing]] = sources[missing]
    return kept


async def _check_head(git: Git, wanted: Wanted) -> None:
    with suppress(GitError):
        await git.run("cat-file", "-e", f"{wanted.head_sha}^{{commit}}")
        return
    raise HeadGone(wanted.head_sha)


def _classified(error: GitError) -> GitError:
    if _DENIED.search(error.stderr):
        return AccessDenied(str(error), stderr=error.stderr, exit_code=error.exit_code)
    if mirror_files.DAMAGE.search(error.stderr):
        return mirror_files.Damaged(str(error), stderr=error.stderr, exit_code=error.exit_code)
    return error


def _local_ref(kind: str, name: str) -> str:
    """Our own name for it: branch names are other people's text, and `a` and `a/b` cannot both be files."""
    return f"refs/corrigent/{kind}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"


async def _look(folder: Path, wanted: Wanted, *, fetched: bool = False) -> Fetched | None:
    """What the mirror knows of the pull request; None when commits are missing or the merge base is not certain."""
    if not mirror_files.exists(folder):
        return None
    git = Git(git_dir=folder)
    try:
        known = await _known(git, wanted)
        bases = [sha for sha in (known.get(wanted.base_sha), known.get(f"refs/heads/{wanted.base_ref}")) if sha]
        head_tree_id = known.get(_tree(wanted.head_sha))
        if head_tree_id is None or not bases or (not fetched and wanted.base_sha not in known):
            return None
        merge_base_sha = await _merge_base(git, wanted.head_sha, bases)
    except GitError as error:
        if fetched:
            raise mirror_files.Damaged(str(error), stderr=error.stderr) from error
        return None
    if merge_base_sha is None:
        return None
    mirror_files.mark_used(folder)
    return Fetched(
        head_sha=wanted.head_sha,
        merge_base_sha=merge_base_sha,
        head_tree_id=head_tree_id,
        default_sha=known.get(f"refs/heads/{wanted.default_branch}", ""),
    )


async def _known(git: Git, wanted: Wanted) -> dict[str, str]:
    """Object ids of what is there: the head's tree, the base, the branches' tips; one process for all."""
    asked = {
        _tree(objects.checked(wanted.head_sha)): _tree(wanted.head_sha),
        wanted.base_sha: objects.checked(wanted.base_sha) + "^{commit}",
        **{tip: _local_ref("branch", tip) for tip in wanted.tips},
    }
    lines = "".join(f"{expression}\n" for expression in asked.values())
    output = await git.run("cat-file", "--batch-check=%(objectname)", stdin=lines.encode())
    answers = zip(asked, output.decode("ascii", "replace").splitlines(), strict=True)
    return {name: answer for name, answer in answers if " " not in answer}


def _tree(commit: str) -> str:
    return f"{commit}^{{tree}}"


async def _merge_base(git: Git, head_sha: str, bases: Sequence[str]) -> str | None:
    """The best common commit with any of the bases: the base recorded by a forge may lag behind its branch."""
    output = await git.run("merge-base", head_sha, *bases, accept=(0, 1))
    found = output.decode("ascii").strip()
    boundary = mirror_files.shallow_commits(git.git_dir)
    if not found or not boundary:
        return found or None
    # Where history was cut on the way, a better common commit may lie behind the cut.
    walked = await git.run("rev-list", head_sha, *bases, f"^{found}")
    return None if boundary.intersection(walked.decode("ascii").split()) else found


async def _join_packs(git: Git) -> None:
    if mirror_files.pack_count(git.git_dir) > _MANY_PACKS:
        await git.run("repack", "--geometric=2", "-d", "--quiet", deadline=FETCH_DEADLINE)
