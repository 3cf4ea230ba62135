"""Real bare repositories behind the fake: programs are started here, with an exact environment and argument lists."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.forges.fake.bare import make_bare
from app.forges.fake.commits import LOG_FORMAT, Commit, Content, import_script, read_log
from app.forges.fake.diffs import Diff, read_diff

_ZERO = "0" * 40
# A file name may not be longer.
_LONGEST_NAME = 250
_HASH = re.compile(r"^[0-9a-f]{40}$")
# Where the programs themselves are found; nothing of the caller's environment gets through.
_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
# Commits get dates from a counter that starts here, so that a scenario has the same hashes whenever it runs.
_FIRST_COMMIT_AT = 1_767_225_600


class GitError(Exception):
    """git ended with an error; the text is its own."""

    def __init__(self, command: str, code: int, stderr: str) -> None:
        super().__init__(f"git {command} ended with {code}: {stderr.strip()}")
        self.code = code


@dataclass(frozen=True)
class CgiAnswer:
    status: int
    headers: dict[str, str]
    body: bytes


async def start_git(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], stdin: bytes
) -> tuple[int, bytes, bytes]:
    """Run git once; exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        "git",
        *arguments,
        cwd=folder,
        env={
            "PATH": _PATH,
            "LC_ALL": "C.UTF-8",
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            **environment,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = await process.communicate(stdin)
    except asyncio.CancelledError:
        # With its helpers, who hold its pipes too.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # What it still had to say is read: asyncio calls no process ended whose pipes are not empty.
        await process.communicate()
        raise
    return process.returncode or 0, stdout, stderr


class GitRepository:
    """One bare repository. What depends on commits alone is remembered: a commit never changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._diffs: dict[tuple[str, str], Diff] = {}
        self._merge_bases: dict[tuple[str, str], str] = {}
        self._commits: dict[tuple[str, str], tuple[Commit, ...]] = {}
        # Commits that were seen here; nothing is ever pruned.
        self._known: set[str] = set()
        self._commit_count = 0

    def create(self, default_branch: str) -> None:
        make_bare(self.folder, default_branch)

    async def copy_from(self, other: "GitRepository") -> None:
        """Become a fork: the same branches; objects are copied, because either may be deleted."""
        await self._git("fetch", "--quiet", str(other.folder), "+refs/heads/*:refs/heads/*")

    async def commit(
        self, branch: str, changes: Mapping[str, Content], *, message: str, author: str, parent: str | None
    ) -> str:
        """Put a commit with these files (None deletes) on a branch, whatever it held before; its hash."""
        self._commit_count += 1
        when = _FIRST_COMMIT_AT + 60 * self._commit_count
        identity = f"{author} <{author}@users.noreply.example> {when} +0000"
        script = import_script(branch, changes, message=message, identity=identity, parent=parent)
        return (await self._git("fast-import", "--quiet", "--force", stdin=script)).decode().strip()

    async def resolve(self, name: str) -> str | None:
        """The commit that a branch, tag, ref or hash names."""
        if name.startswith(("-", "/")) or ".." in name or len(name) > _LONGEST_NAME:
            return None
        branch = self.folder / "refs" / "heads" / name
        # A branch is a small file that we or git wrote; starting git for it would be most of a request's time.
        if branch.is_file():
            return branch.read_text().strip()
        if name in self._known:
            return name
        is_hash = _HASH.match(name) is not None
        for full in (name,) if is_hash else (f"refs/heads/{name}", f"refs/tags/{name}", name):
            output = await self._try("rev-parse", "--verify", "--quiet", "--end-of-options", full + "^{commit}")
            if output is not None:
                sha = output.decode().strip()
                self._known.add(sha)
                return sha
        return None

    async def refs(self, prefix: str = "refs/heads/") -> dict[str, str]:
        output = await self._git("for-each-ref", "--format=%(refname) %(objectname)", prefix)
        return dict(line.rsplit(" ", 1) for line in output.decode().splitlines())

    async def set_ref(self, ref: str, sha: str) -> None:
        await self._git("update-ref", ref, sha)

    async def delete_ref(self, ref: str) -> None:
        await self._git("update-ref", "-d", ref)

    async def take(self, other: "GitRepository", sha: str, ref: str) -> None:
        """Bring a commit of another repository here under this name."""
        if other is self:
            await self.set_ref(ref, sha)
        else:
            await self._git("fetch", "--quiet", str(other.folder), f"+{sha}:{ref}")

    async def merge_base(self, one: str, other: str) -> str:
        """The merge base, or the first commit itself where the histories never meet."""
        key = (one, other)
        if key not in self._merge_bases:
            output = await self._try("merge-base", one, other)
            self._merge_bases[key] = one if output is None else output.decode().strip()
        return self._merge_bases[key]

    async def contains(self, ancestor: str, descendant: str) -> bool:
        return await self._try("merge-base", "--is-ancestor", ancestor, descendant) is not None

    async def diff(self, base: str, head: str) -> Diff:
        """Two dots: the trees of both commits, renames found as GitHub finds them."""
        key = (base, head)
        if key not in self._diffs:
            options = ("--no-ext-diff", "--no-textconv", "--find-renames", "--no-color", "--full-index")
            numbers, text = await asyncio.gather(
                self._git("diff", *options, "--raw", "--numstat", "-z", base, head),
                self._git("-c", "core.quotePath=true", "diff", *options, base, head),
            )
            self._diffs[key] = read_diff(numbers, text)
        return self._diffs[key]

    async def commits(self, base: str, head: str) -> tuple[Commit, ...]:
        """Commits of head that base does not have, oldest first."""
        key = (base, head)
        if key not in self._commits:
            self._commits[key] = await self._log("--reverse", "--topo-order", f"{base}..{head}")
        return self._commits[key]

    async def commit_details(self, sha: str) -> Commit:
        return (await self._log("--max-count=1", sha))[0]

    async def read_file(self, sha: str, path: str) -> bytes | None:
        return await self._try("cat-file", "blob", f"{sha}:{path}")

    async def read_object(self, kind: str, sha: str) -> bytes | None:
        return await self._try("cat-file", kind, sha)

    async def tree(
        self, treeish: str, *, recursive: bool = False, path: str = "", exact: str = ""
    ) -> list[tuple[str, str, str, str, int]]:
        """Entries as (mode, type, hash, path, size): of the whole tree, below a path, or exactly one."""
        options = ["-r", "-t"] if recursive else []
        chosen = [exact] if exact else [f"{path}/"] if path else []
        output = await self._try("--literal-pathspecs", "ls-tree", "-l", "-z", *options, treeish, "--", *chosen)
        entries: list[tuple[str, str, str, str, int]] = []
        for record in (output or b"").decode("utf-8", "surrogateescape").split("\0"):
            if record:
                meta, name = record.split("\t", 1)
                mode, kind, sha, size = meta.split()
                entries.append((mode, kind, sha, name, 0 if size == "-" else int(size)))
        return entries

    async def write_object(self, kind: str, content: bytes) -> str:
        output = await self._git("hash-object", "-w", "-t", kind, "--stdin", stdin=content)
        return output.decode().strip()

    async def write_tree(self, base: str | None, entries: Sequence[tuple[str, str, str | None]]) -> str:
        """A tree from another one and (mode, path, hash or None) changes, made in an index of its own."""
        index = self.folder / f"index-{self._commit_count}-{id(entries)}"
        environment = {"GIT_INDEX_FILE": str(index)}
        try:
            await self._git("read-tree", *([base] if base else ["--empty"]), environment=environment)
            lines = [f"{mode if sha else '0'} {sha or _ZERO}\t{path}\0" for mode, path, sha in entries]
            await self._git(
                "update-index", "-z", "--index-info", environment=environment, stdin="".join(lines).encode()
            )
            output = await self._git("write-tree", environment=environment)
        finally:
            index.unlink(missing_ok=True)
        return output.decode().strip()

    async def commit_tree(self, tree: str, parents: Sequence[str], *, message: str, author: str) -> str:
        """A commit that no branch names yet."""
        self._commit_count += 1
        chosen = [part for parent in parents for part in ("-p", parent)]
        output = await self._git(
            "commit-tree", tree, *chosen, "-F", "-", environment=self._identity(author), stdin=message.encode()
        )
        return output.decode().strip()

    async def merge_trees(self, one: str, other: str) -> str | None:
        """The tree of a merge, or None where both changed the same lines."""
        output = await self._try("merge-tree", "--write-tree", "--no-messages", one, other)
        return None if output is None else output.decode().split("\n", 1)[0]

    async def rebase(self, base: str, head: str, onto: str, *, author: str) -> str:
        """Put the commits of base..head on another commit; GitError where they conflict."""
        self._commit_count += 1
        folder = self.folder / f"rebase-{self._commit_count}"
        await self._git("worktree", "add", "--quiet", "--detach", str(folder), head)
        try:
            code, _, errors = await start_git(
                ["rebase", "--quiet", "--onto", onto, base],
                folder=folder,
                environment=self._identity(author),
                stdin=b"",
            )
            if code:
                raise GitError("rebase", code, errors.decode())
            rebased = await start_git(["rev-parse", "HEAD"], folder=folder, environment={}, stdin=b"")
        finally:
            await self._git("worktree", "remove", "--force", str(folder))
        return rebased[1].decode().strip()

    async def http_backend(self, environment: Mapping[str, str], body: bytes) -> CgiAnswer:
        """Speak git's smart HTTP for one request."""
        _, output, _ = await start_git(
            ["http-backend"],
            folder=self.folder,
            environment={"GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1", **environment},
            stdin=body,
        )
        head, _, content = output.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").splitlines() if ": " in line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        return CgiAnswer(status=status, headers=headers, body=content)

    def _identity(self, author: str) -> dict[str, str]:
        when = f"{_FIRST_COMMIT_AT + 60 * self._commit_count} +0000"
        email = f"{author}@users.noreply.example"
        return {
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": email,
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": author,
            "GIT_COMMITTER_EMAIL": email,
            "GIT_COMMITTER_DATE": when,
        }

    async def _log(self, *arguments: str) -> tuple[Commit, ...]:
        return read_log(await self._git("log", "-z", f"--format={LOG_FORMAT}", *arguments, "--"))

    async def _git(self, *arguments: str, environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> bytes:
        code, output, errors = await start_git(
            arguments, folder=self.folder, environment=environment or {}, stdin=stdin
        )
        if code:
            raise GitError(arguments[0], code, errors.decode("utf-8", "replace"))
        return output

    async def _try(self, *arguments: str) -> bytes | None:
        code, output, _ = await start_git(arguments, folder=self.folder, environment={}, stdin=b"")
        return output if code == 0 else None
