"""The check where it is a gate: a commit status beside the project's own pipeline, or a thread that stays open.

A status alone makes a pipeline of its own, and a green one would satisfy "Pipelines must succeed" before the project's
pipeline has begun. So green is only ever said beside that pipeline; red may stand alone, since it only blocks.
"""

from pydantic import JsonValue

from app.domain.errors import ForgeRefused
from app.domain.markdown import clean_line
from app.domain.markers import read_finding_marker, read_run_marker, run_marker
from app.domain.names import CHECK_NAME
from app.domain.outcomes import CommitStatus
from app.domain.pull_request import PullRequestRef
from app.domain.review import CheckText
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.discussions import Discussions
from app.forges.gitlab.fitting import LONGEST_DESCRIPTION
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.models import DiscussionShape, MergeRequestShape, PipelineShape, StatusShape

# GitLab's words for being told what it knows already; they come as 400.
_SAME_STATE = "Cannot transition status"
_NOT_OURS = frozenset({401, 403, 404})
_EXTERNAL = "external"


def status_of(text: CheckText) -> CommitStatus | None:
    """What a gate is told; None where it cannot be known from the text whether there is one."""
    return "failed" if text.conclusion in {"failure", "action_required"} else None


class Gate:
    def __init__(self, calls: Calls, heads: Heads, discussions: Discussions, user_id: int) -> None:
        self._calls = calls
        self._heads = heads
        self._discussions = discussions
        self._user_id = user_id

    async def tell(
        self, ref: PullRequestRef, head_sha: str, run_id: str, status: CommitStatus, description: str
    ) -> None:
        """Say the status of a head, wherever GitLab lets us say it."""
        pipeline = await self._own_pipeline(ref, head_sha)
        if pipeline is None and status != "failed":
            # Nothing of ours may stand alone and be green; a red one of an earlier verdict is withdrawn.
            await self.lift(ref, head_sha)
            return
        was_set = await self._set_somewhere(ref, head_sha, status, description, pipeline)
        if status != "failed":
            await self._let_go(ref, head_sha)
        elif not was_set:
            await self._hold_open(ref, run_id, description)

    async def lift(self, ref: PullRequestRef, head_sha: str) -> None:
        """A head we made red, or held open by a thread, is no longer kept from being merged by us."""
        if any(one.status == "failed" for one in await self._ours(ref, head_sha)):
            pipeline = await self._own_pipeline(ref, head_sha)
            status: CommitStatus = "success" if pipeline else "canceled"
            await self._set_somewhere(ref, head_sha, status, "", pipeline)
        await self._let_go(ref, head_sha)

    async def _own_pipeline(self, ref: PullRequestRef, head_sha: str) -> PipelineShape | None:
        """The newest pipeline of this head that the project made itself."""
        found = await self._calls.all(routes.PIPELINES, PipelineShape, repo=ref.repo_id, number=ref.number)
        return next((one for one in found if one.sha == head_sha and one.source != _EXTERNAL), None)

    async def _set_somewhere(
        self, ref: PullRequestRef, head_sha: str, status: CommitStatus, description: str, pipeline: PipelineShape | None
    ) -> bool:
        """In the project the head comes from, where its pipelines run; else in the one it goes to."""
        for repo_id in await self._projects(ref, head_sha):
            try:
                await self._set(repo_id, head_sha, status, description, pipeline)
            except ForgeRefused as refusal:
                if refusal.status not in _NOT_OURS:
                    raise
            else:
                return True
        return False

    async def _set(
        self, repo_id: str, head_sha: str, status: CommitStatus, description: str, pipeline: PipelineShape | None
    ) -> None:
        json: dict[str, JsonValue] = {"state": status, "name": CHECK_NAME}
        if description:
            json["description"] = " ".join(description.split())[:LONGEST_DESCRIPTION]
        if pipeline and str(pipeline.project_id) == repo_id:
            json["pipeline_id"] = pipeline.id
        try:
            await self._calls.send(routes.SET_STATUS, repo=repo_id, head=head_sha, json=json)
        except ForgeRefused as refusal:
            if refusal.status != 400 or _SAME_STATE not in refusal.message:
                raise

    async def _projects(self, ref: PullRequestRef, head_sha: str) -> list[str]:
        head = self._heads.find(ref, head_sha)
        if head is None:
            answer = await self._calls.send(routes.MERGE_REQUEST, repo=ref.repo_id, number=ref.number)
            source = answer.read(MergeRequestShape).source_project_id
        else:
            source = head.source_repo_id
        return list(dict.fromkeys(str(one) for one in (source, ref.repo_id) if one))

    async def _ours(self, ref: PullRequestRef, head_sha: str) -> list[StatusShape]:
        """What stands on the head by our hand, in the first project that shows us."""
        for repo_id in await self._projects(ref, head_sha):
            try:
                found = await self._calls.all(
                    routes.STATUSES, StatusShape, {"name": CHECK_NAME}, repo=repo_id, head=head_sha
                )
            except ForgeRefused as refusal:
                if refusal.status not in _NOT_OURS:
                    raise
                continue
            ours = [one for one in found if one.name == CHECK_NAME and one.author and one.author.id == self._user_id]
            if ours:
                return ours
        return []

    async def _hold_open(self, ref: PullRequestRef, run_id: str, description: str) -> None:
        """Where no status may be set: a thread, which blocks where "All threads must be resolved" is set."""
        there = await self._gate_threads(ref)
        if there:
            await self._discussions.resolve(ref, there[0].id, resolved=False)
            return
        words = f"**{CHECK_NAME}: {clean_line(description)}**\n\nThis thread stays open until that has changed."
        await self._calls.send(
            routes.CREATE_DISCUSSION,
            repo=ref.repo_id,
            number=ref.number,
            json={"body": f"{words}\n\n{run_marker(run_id)}"},
        )

    async def _let_go(self, ref: PullRequestRef, head_sha: str) -> None:
        """Only a fork may refuse us, so only there can such a thread be."""
        if await self._projects(ref, head_sha) == [ref.repo_id]:
            return
        for thread in await self._gate_threads(ref):
            if not thread.notes[0].resolved:
                await self._discussions.resolve(ref, thread.id)

    async def _gate_threads(self, ref: PullRequestRef) -> list[DiscussionShape]:
        """A thread of ours about a run and about no finding; a review's body is no thread."""
        ours = await self._discussions.ours(ref)
        return [
            one
            for one in ours
            if one.notes[0].resolvable
            and read_run_marker(one.notes[0].body)
            and read_finding_marker(one.notes[0].body) is None
        ]
