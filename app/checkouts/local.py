"""The work in somebody's own folder as a change to review: committed, staged, unstaged and new files against a base."""

import asyncio
import os
import stat
import tempfile
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.checkouts import diffing, objects, snapshot
from app.checkouts.diff_parser import decode_path, read_changes
from app.checkouts.git import Git, GitError
from app.checkouts.local_copy import Found, copy_data, find_repository
from app.checkouts.rule_files import read_rules
from app.checkouts.scratch import to_its_end
from app.domain.diff import Diff, FileChange
from app.domain.errors import UserError
from app.domain.repo_config import SizeLimits
from app.domain.rules import Rule

# More new files than a person makes between two commits: something is missing in .gitignore.
_MAX_UNTRACKED = 5_000
_USUAL_BASES = ("refs/remotes/origin/HEAD", "main", "master", "origin/main", "origin/master")


class NothingChanged(UserError):
    """There is nothing to review, which is no mistake."""


@dataclass(frozen=True, kw_only=True)
class LocalChange:
    """What is reviewed: the folders live as long as the repository is open."""

    diff: Diff
    head_root: Path
    base_root: Path
    # "feature/refunds", or "4be1d07" when HEAD is detached.
    branch: str
    base: str
    merge_base_sha: str


class LocalRepository:
    """Somebody's repository, read through a stand-in of ours; nothing in it is written or run."""

    def __init__(self, found: Found, folder: Path) -> None:
        self.root = found.root
        self._folder = folder
        self._git = Git(git_dir=folder / "git")
        self._working = Git(
            git_dir=folder / "git",
            work_tree=found.root,
            config={
                # What lies there is compared as it is; nothing is ever written there.
                "core.bare": "false",
                "core.symlinks": "true",
                "core.untrackedCache": "false",
                "core.excludesFile": str(Path.home() / ".config" / "git" / "ignore"),
                "diff.ignoreSubmodules": "all",
            },
        )

    async def file_at(self, base: str | None, path: str) -> bytes | None:
        """A file as the base has it: where configuration and rules are read."""
        _, base_sha = await self._base(base)
        return await objects.read_file(self._git, base_sha, path)

    async def rules_at(self, base: str | None) -> tuple[Rule, ...]:
        """Rules in prose as the base has them: work under review cannot change what it is held against."""
        _, base_sha = await self._base(base)
        return await read_rules(self._git, base_sha)

    async def change(self, base: str | None, *, limits: SizeLimits, ignore: Sequence[str] = ()) -> LocalChange:
        """Everything since the merge base with `base` (None: the usual branch). UserError says what is missing."""
        head_sha = await self._head()
        base_name, base_sha = await self._base(base)
        merge_base_sha = await self._merge_base(head_sha, base_name, base_sha)
        too_large = await self._take_in(limits)
        tree_id = (await self._working.run("write-tree", "--missing-ok")).decode("ascii").strip()
        diff = await self._diff(merge_base_sha, tree_id, limits, ignore, too_large)
        if not diff.files:
            raise NothingChanged(f"Nothing changed against {base_name}.")
        data = await snapshot.make(self._git, tree_id, diff)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        unpacked = await snapshot.materialise(data, folder)
        return LocalChange(
            diff=diff,
            head_root=unpacked.head_root,
            base_root=unpacked.base_root,
            branch=await self._branch(head_sha),
            base=base_name,
            merge_base_sha=merge_base_sha,
        )

    async def _head(self) -> str:
        head_sha = await self._resolve("HEAD")
        if head_sha is None:
            raise UserError(f"{self.root} has no commit on this branch yet; commit something first.")
        return head_sha

    async def _branch(self, head_sha: str) -> str:
        name = await self._git.run("symbolic-ref", "--quiet", "--short", "HEAD", accept=(0, 1))
        return name.decode("utf-8", "replace").strip() or head_sha[:7]

    async def _base(self, base: str | None) -> tuple[str, str]:
        for name in _USUAL_BASES if base is None else (base, f"origin/{base}"):
            if (sha := await self._resolve(name)) is not None:
                return name.removeprefix("refs/remotes/"), sha
        listed = await self._git.run("for-each-ref", "--count=8", "--format=%(refname:short)", "refs/heads")
        known = ", ".join(listed.decode("utf-8", "replace").split()) or "none"
        wanted = "main or master" if base is None else repr(base)
        raise UserError(f"There is no {wanted} here (branches: {known}); name the base: corrigent review --base BRANCH")

    async def _resolve(self, name: str) -> str | None:
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        output = await self._git.run(*arguments, accept=(0, 1, 128))
        # 2.39 repeats the option that ends the options.
        words = [word for word in output.decode("ascii", "replace").split() if not word.startswith("-")]
        return words[0] if words else None

    async def _merge_base(self, head_sha: str, base_name: str, base_sha: str) -> str:
        output = await self._git.run("merge-base", head_sha, base_sha, accept=(0, 1))
        if not output:
            raise UserError(
                f"HEAD and {base_name} have no common commit here; in a shallow clone: git fetch --unshallow"
            )
        return output.decode("ascii").strip()

    async def _take_in(self, limits: SizeLimits) -> list[FileChange]:
        """Bring the stand-in's index up to date with the folder; what is too large to read is returned, not taken."""
        changed, untracked = await asyncio.gather(self._changed(), self._untracked())
        if len(untracked) > _MAX_UNTRACKED:
            raise UserError(f"{len(untracked):,} new files are not in .gitignore; ignore or remove what is not work.")
        fitting, too_large = await asyncio.to_thread(_sort_out, self.root, changed, untracked, limits)
        paths = b"".join(path + b"\0" for path in fitting)
        await self._working.run("update-index", "-z", "--add", "--remove", "--stdin", stdin=paths)
        return too_large

    async def _changed(self) -> list[bytes]:
        # Submodules stay out of it: git would run `git status` in them, with their configuration.
        output = await self._working.run("diff-files", "--raw", "-z", "--ignore-submodules=all", "--no-ext-diff")
        changes, _ = read_changes(output)
        return list(dict.fromkeys(change.path for change in changes))

    async def _untracked(self) -> list[bytes]:
        output = await self._working.run("ls-files", "--others", "--exclude-standard", "-z")
        # A name with a slash at its end is a repository inside the repository.
        return [path for path in output.split(b"\0") if path and not path.endswith(b"/")]

    async def _diff(
        self, merge_base_sha: str, tree_id: str, limits: SizeLimits, ignore: Sequence[str], too_large: list[FileChange]
    ) -> Diff:
        try:
            diff = await diffing.diff(self._git, merge_base_sha, tree_id, limits=limits, ignore=ignore)
        except GitError as error:
            if "missing" not in error.stderr and "unable to read" not in error.stderr:
                raise
            raise UserError("This clone lacks files of the base (a partial clone); run: git fetch --refetch") from error
        return diff.model_copy(update={"files": (*diff.files, *too_large)})


@asynccontextmanager
async def opened(path: Path) -> AsyncGenerator[LocalRepository]:
    """The repository that holds `path`; UserError when there is none."""
    found = await asyncio.to_thread(find_repository, path)
    with tempfile.TemporaryDirectory(prefix="corrigent-") as name:
        folder = Path(name)
        await Git(git_dir=folder / "git").run("init", "--bare", "--quiet", "--template=")
        await to_its_end(copy_data, found, folder / "git")
        yield LocalRepository(found, folder)


def _sort_out(
    root: Path, changed: Iterable[bytes], untracked: Sequence[bytes], limits: SizeLimits
) -> tuple[list[bytes], list[FileChange]]:
    new = set(untracked)
    fitting: list[bytes] = []
    too_large: list[FileChange] = []
    for path in (*changed, *untracked):
        size = _readable_size(root, path)
        if size is None:
            continue
        if size <= limits.file_bytes:
            fitting.append(path)
        else:
            reason = f"over {limits.file_bytes // 1000} kB"
            kind = "added" if path in new else "modified"
            name = decode_path(path)
            too_large.append(FileChange(path=name, old_path=name, kind=kind, skipped=reason))
    return fitting, too_large


def _readable_size(root: Path, path: bytes) -> int | None:
    """0 for a file that is gone (to be removed); None for pipes, sockets and the like, which are left alone."""
    try:
        found = (root / os.fsdecode(path)).lstat()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode) else None
