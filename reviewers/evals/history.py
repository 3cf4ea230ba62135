"""What was merged into a clone's main branch, one change after the other, as something to review again."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from app.checkouts import diffing, objects, snapshot
from app.checkouts.git import Git
from app.checkouts.local_copy import copy_data, find_repository
from app.checkouts.scratch import to_its_end
from app.domain.diff import Diff
from app.domain.errors import UserError
from app.domain.repo_config import RepoConfig
from reviewers.evals.cases import Opened
from reviewers.evals.matching import Known

_MAIN = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master", "HEAD")
_FORMAT = "--format=%H%x00%P%x00%ct%x00%s%x00"
# More than anybody merges in the time that is asked for.
_MOST = 20_000


@dataclass(frozen=True, kw_only=True)
class PastChange:
    """A commit on the main branch against the one before it: a merge, or a pull request that was squashed."""

    git: Git
    base_sha: str
    head_sha: str
    title: str
    merged_at: datetime

    @property
    def case_id(self) -> str:
        return self.head_sha

    @property
    def group(self) -> str:
        return "history"

    def language(self, diff: Diff) -> str:
        """By the ending that most of its files have."""
        endings = Counter(PurePosixPath(file.path).suffix.removeprefix(".") or "other" for file in diff.reviewable)
        return endings.most_common(1)[0][0] if endings else "none"

    def known(self, _diff: Diff) -> tuple[Known, ...]:
        """Nobody has said what is wrong with it."""
        return ()

    @asynccontextmanager
    async def opened(self, config: RepoConfig) -> AsyncGenerator[Opened]:
        diff = await diffing.diff(self.git, self.base_sha, self.head_sha, limits=config.limits, ignore=config.ignore)
        data = await snapshot.make(self.git, self.head_sha, diff)
        with tempfile.TemporaryDirectory(prefix="corrigent-past-") as folder:
            unpacked = await snapshot.materialise(data, Path(folder))
            yield Opened(diff, unpacked.head_root, unpacked.base_root)


@asynccontextmanager
async def past_changes(
    path: Path, *, last: int = _MOST, since: timedelta | None = None, now: datetime | None = None
) -> AsyncGenerator[list[PastChange]]:
    """The newest first. The clone is only read, and nothing in it is run. UserError when there is none."""
    found = await asyncio.to_thread(find_repository, path)
    with tempfile.TemporaryDirectory(prefix="corrigent-past-") as name:
        git = Git(git_dir=Path(name) / "git")
        await git.run("init", "--bare", "--quiet", "--template=")
        await to_its_end(copy_data, found, Path(name) / "git")
        begin = (now or datetime.now(UTC)) - since if since else datetime.min.replace(tzinfo=UTC)
        changes = await _log(git, await _main(git, path), last)
        yield [change for change in changes if change.merged_at >= begin]


async def _main(git: Git, path: Path) -> str:
    for name in _MAIN:
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        words = (await git.run(*arguments, accept=(0, 1, 128))).decode("ascii", "replace").split()
        # 2.39 repeats the option that ends the options.
        shas = [word for word in words if not word.startswith("-")]
        if shas:
            return objects.checked(shas[0])
    raise UserError(f"There is no commit in {path} yet.")


async def _log(git: Git, head_sha: str, last: int) -> list[PastChange]:
    output = await git.run("log", "--first-parent", "--no-decorate", f"--max-count={last}", _FORMAT, head_sha)
    fields = output.decode("utf-8", "replace").split("\0")
    rows = [fields[at : at + 4] for at in range(0, len(fields) - 4, 4)]
    return [_change(git, row) for row in rows if row[1]]


def _change(git: Git, row: Sequence[str]) -> PastChange:
    sha, parents, seconds, subject = row
    return PastChange(
        git=git,
        base_sha=parents.split()[0],
        head_sha=sha.strip(),
        title=subject,
        merged_at=datetime.fromtimestamp(int(seconds), UTC),
    )
