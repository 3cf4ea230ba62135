"""At a pull request's end: what became of its findings, what it cost, and which merged bug a later commit mends."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog
from temporalio import activity

from app.checkouts import history
from app.checkouts.git import GitError
from app.checkouts.mirrors import HeadGone, Mirrors
from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, UserError
from app.domain.measures import Escape, Judged, Measure
from app.domain.pull_request import PullRequest, PullRequestRef, Repo
from app.domain.runs import Run
from app.forges.base import ForgeReader
from app.store.feedback import Votes
from app.store.measures import Closed, Measures
from app.store.runs import Runs
from app.store.usage import Usage
from workflows.activities.fetching import Fetching
from workflows.activities.judging import Judging
from workflows.activities.learning import Learning, source_of
from workflows.activities.remarks import MissedRemarks
from workflows.activities.settled import thumbs_on

log = structlog.get_logger()

# How many ends does one turn of the chore look at? Each is some calls to the forge.
_AT_ONCE = 20
# How many commits of a branch are read for fixes, and how many merged pull requests are they traced back to?
_MOST_COMMITS, _MOST_MERGED = 200, 500


class Measuring:
    """Safe to repeat and to kill: a pull request is measured until its row is there, and the row is replaced whole."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        fetching: Fetching,
        mirrors: Mirrors,
        judging: Judging,
        measures: Measures,
        runs: Runs,
        usage: Usage,
        votes: Votes,
        learning: Learning,
        remarks: MissedRemarks,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.fetching = fetching
        self.mirrors = mirrors
        self.judging = judging
        self.measures = measures
        self.runs = runs
        self.usage = usage
        self.votes = votes
        self.learning = learning
        self.remarks = remarks
        self.clock = clock

    @activity.defn(name="measure")
    async def measure(self) -> None:
        """Pull requests that ended since the last time, and commits that mend what was merged."""
        tips: dict[str, tuple[Repo, str]] = {}
        for closed in await self.measures.unmeasured(limit=_AT_ONCE):
            try:
                tips |= await self._measure(closed)
            except (ForgeUnavailable, RateLimited) as error:
                log.warning("measure.put_off", pull_request=str(closed.ref), error=str(error))
            except (ForgeRefused, GitError, HeadGone, UserError) as error:
                # Its repository or its code is gone: what the store knows is all there is.
                log.warning("measure.without_code", pull_request=str(closed.ref), error=str(error))
                measure = await self._of_the_store(closed, await self.runs.reviewed(closed.ref))
                await self.measures.put(measure, await self.judging.fates(closed.ref, "", ()))
        # When all of them are written: one may mend what another brought.
        for repo, default_sha in tips.values():
            try:
                await self._look_for_fixes(repo, default_sha)
            except GitError as error:
                log.warning("measure.no_look", repo_id=repo.repo_id, error=str(error))

    async def _measure(self, closed: Closed) -> dict[str, tuple[Repo, str]]:
        """Its repository by a name, with the tip of the default branch as it is now."""
        reader, ref = self.readers[closed.ref.connection], closed.ref
        pull_request = await reader.pull_request(ref)
        if pull_request.state == "open":
            return {}
        head_sha, state = pull_request.head_sha, pull_request.state
        default_sha = (await self.fetching.fetch(pull_request, refresh=True)).default_sha
        threads = await reader.threads(ref)
        await self.votes.replace(ref, thumbs_on(threads), self.clock())
        judged = await self.judging.fates(ref, head_sha, threads)
        runs = await self.runs.reviewed(ref)
        lines, changed = await self.judging.control(ref, runs, head_sha)
        known = {"state": state, "head_sha": head_sha, "control_lines": lines, "control_changed": changed}
        commits = await self._commits(pull_request, runs)
        measure = (await self._of_the_store(closed, runs)).model_copy(update={**known, "commits": commits})
        if state == "merged":
            await self._teach(pull_request, judged)
            await self.remarks.take_in(pull_request)
        await self.measures.put(measure, judged)
        log.info("measure.done", pull_request=str(ref), findings=len(judged))
        repo = pull_request.repo
        return {f"{repo.connection}/{repo.repo_id}": (repo, default_sha)} if default_sha else {}

    async def _of_the_store(self, closed: Closed, runs: Sequence[Run]) -> Measure:
        first = next((run for run in runs if run.finished_at), None)
        took = (first.finished_at - first.started_at).total_seconds() if first and first.finished_at else None
        return Measure(
            ref=closed.ref,
            state=closed.state,
            head_sha=closed.head_sha,
            closed_at=closed.closed_at,
            reviews=len(runs),
            first_review_seconds=took,
            dollars=(await self.usage.spent(closed.ref, closed.closed_at)).pull_request,
        )

    async def _commits(self, pull_request: PullRequest, runs: Sequence[Run]) -> tuple[str, ...]:
        """Since the base as it was reviewed: after the merge the common commit is the head itself."""
        if pull_request.state != "merged" or not runs:
            return ()
        git = self.mirrors.git(pull_request.ref)
        return await history.commits_of(git, runs[-1].merge_base_sha, pull_request.head_sha, pull_request.merge_sha)

    async def _teach(self, pull_request: PullRequest, judged: Sequence[Judged]) -> None:
        """What was merged after being acted on speaks for the rules that asked for it."""
        by = pull_request.author.login if pull_request.author else ""
        for one in judged:
            if one.rule and one.fate == "acted_on":
                await self.learning.weigh(
                    pull_request.ref, one.rule, "acted_on", source=source_of(one.finding_id), by=by
                )

    async def _look_for_fixes(self, repo: Repo, default_sha: str) -> None:
        """Commits since the last look whose lines a pull request brought that we reviewed."""
        git, after = self.mirrors.git(repo), await self.measures.looked_sha(repo.connection, repo.repo_id)
        found: list[Escape] = []
        merged = await self.measures.commits_of(repo.connection, repo.repo_id, limit=_MOST_MERGED)
        for mending in await history.mendings(git, default_sha, after=after, most=_MOST_COMMITS):
            origins = await history.mended_lines(git, mending.commit)
            lines: dict[PullRequestRef, int] = {}
            for commit, count in origins.items():
                if commit in merged and merged.get(mending.commit) != merged[commit]:
                    lines[merged[commit]] = lines.get(merged[commit], 0) + count
            found += [
                Escape(ref=ref, fix_sha=mending.commit, subject=mending.subject, lines=count, fixed_at=self.clock())
                for ref, count in lines.items()
            ]
        await self.measures.put_escapes(repo.connection, repo.repo_id, found, looked_sha=default_sha)
