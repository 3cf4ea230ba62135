"""`/runs/{run_id}`: one run, counting while it happens; then what was found, what was read, and what it cost."""

from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from app.domain.diff import Diff
from app.domain.outcomes import conclusion
from app.domain.repo_config import ConfigInForce
from app.domain.review import ReviewResult
from app.domain.runs import Run, StageTime
from app.store.agents import Agents
from app.store.blobs import Blobs
from app.store.feedback import Votes
from app.store.findings import Findings
from app.store.run_rows import RunRow
from app.store.runs import Runs, stream_of
from app.store.streams import END, Streams
from app.store.uploads import Uploads
from app.web.access import Viewer
from app.web.live import Live, Update, standing
from app.web.pages.missing import missing
from app.web.pages.parts.accounts import account
from app.web.pages.parts.groups import Groups, group, told_of
from app.web.pages.parts.lists import listed, of_pull_request
from app.web.pages.parts.lives import mended_at, result_of
from app.web.pages.parts.rendering import Templates
from app.web.pages.parts.words import seq_of
from app.web.pages.run_buttons import RunButtons

# The last words of the reviewers that are shown while they read.
_PROGRESS_LINES = 3
_EVENTS_READ = 5_000
# Findings shown whole; a run with more is a run over generated code.
FINDINGS_SHOWN = 100


class Progress(NamedTuple):
    """How far a run is: its stages with their seconds so far, and the reviewers' last words."""

    run: Run
    stages: tuple[tuple[StageTime, float], ...]
    last: tuple[str, ...]


class RunPage:
    def __init__(
        self,
        *,
        runs: Runs,
        agents: Agents,
        findings: Findings,
        votes: Votes,
        streams: Streams,
        blobs: Blobs,
        templates: Templates,
        live: Live,
        buttons: RunButtons,
        uploads: Uploads,
        clock: Callable[[], datetime],
    ) -> None:
        self._uploads = uploads
        self._runs = runs
        self._agents = agents
        self._findings = findings
        self._votes = votes
        self._streams = streams
        self._blobs = blobs
        self._templates = templates
        self._live = live
        self._buttons = buttons
        self._clock = clock

    async def show(self, request: Request, viewer: Viewer) -> Response:
        row = await self._row(request, viewer)
        if row is None:
            return missing(self._templates)
        result = await result_of(self._blobs, row.run.result_key)
        config = await self._config(row, result)
        groups = await self._groups(row, result, viewer)
        offered = await self._buttons.offered(request, row, viewer, config=config, finds=bool(groups.open))
        return self._templates.page(
            "run.html",
            row=row,
            offered=offered,
            listed=listed(row, self._clock()),
            conclusion=conclusion(result.verdict) if result is not None else None,
            progress=await self._progress(row),
            uploads=await self._uploads.of(row.run.ref.connection, row.run.ref.repo_id, row.run.head_sha),
            groups=groups,
            findings_shown=FINDINGS_SHOWN,
            account=account(result, config),
        )

    async def watch(self, request: Request, viewer: Viewer) -> Response:
        row = await self._row(request, viewer)
        if row is None:
            return missing(self._templates)
        # Of a run that has ended everything is told again: the connection may have broken just before its end was.
        after = seq_of(request.headers.get("last-event-id", "")) if row.run.outcome is None else 0
        return self._live.answer(self._updates(row, viewer, after))

    async def _row(self, request: Request, viewer: Viewer) -> RunRow | None:
        return await self._runs.row(request.path_params["run_id"], viewer.repos)

    async def _updates(self, row: RunRow, viewer: Viewer, after: int) -> AsyncGenerator[Update | None]:
        """What counts up, after each event of the run; a wait is written on the row without one."""
        run_id = row.run.run_id
        async for events in self._live.beaten(self._streams.follow(stream_of(run_id), after)):
            now = await self._runs.row(run_id, viewer.repos)
            if now is None:
                return
            if events is None and now.run == row.run:
                yield None
                continue
            row, after = now, events[-1].seq if events else after
            piece = self._templates.piece("_progress.html", progress=await self._progress(row))
            yield Update("progress", piece, after)
            if events and events[-1].kind == END:
                yield Update("end", "", after)

    async def _progress(self, row: RunRow) -> Progress:
        now = self._clock()
        run = row.run
        last: list[str] = []
        if run.outcome is None:
            events = standing(await self._streams.read(stream_of(run.run_id), 0, limit=_EVENTS_READ))
            last = [event.data for event in events if event.kind == "progress"][-_PROGRESS_LINES:]
        stages = tuple(
            (stage, max(0.0, (now - stage.started_at).total_seconds()) if stage.seconds is None else stage.seconds)
            for stage in run.stages
        )
        return Progress(run, stages, tuple(last))

    async def _groups(self, row: RunRow, result: ReviewResult | None, viewer: Viewer) -> Groups:
        if result is None:
            return Groups()
        findings = told_of(row.run, result, await self._findings.of(row.run.ref))
        runs = ()
        if any(one.state == "mended" for one in findings):
            runs = await of_pull_request(self._runs, row.run.ref, viewer)
        mended = await mended_at(self._blobs, runs, findings)
        agents = await self._agents.of(row.run.ref)
        return group(
            findings, result, await self._diff(row), mended, agents, feedback=await self._votes.of(row.run.ref)
        )

    async def _diff(self, row: RunRow) -> Diff | None:
        try:
            return await self._blobs.get_model(row.run.diff_key, Diff) if row.run.diff_key else None
        except FileNotFoundError:
            # Retention took it; the quotes are still there.
            return None

    async def _config(self, row: RunRow, result: ReviewResult | None) -> ConfigInForce | None:
        if result is not None:
            return result.config
        try:
            return await self._blobs.get_model(row.run.config_key, ConfigInForce) if row.run.config_key else None
        except FileNotFoundError:
            return None
