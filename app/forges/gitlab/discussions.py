"""Threads on GitLab: discussions whose first note is ours. A thread's first comment is named by the discussion's id,
which is what every delivery about a reply carries.
"""

from pydantic import JsonValue

from app.domain.errors import ForgeRefused, Gone
from app.domain.markers import read_finding_marker
from app.domain.pull_request import PullRequestRef
from app.forges.base import Thread
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.fitting import LONGEST_BODY
from app.forges.gitlab.models import DiscussionShape, MergeRequestShape

# How many comments do we edit at most in one call where resolving is not ours to do? Each is two requests.
MOST_NOTES = 5


class Discussions:
    def __init__(self, calls: Calls, user_id: int) -> None:
        self._calls = calls
        self._user_id = user_id

    async def ours(self, ref: PullRequestRef) -> list[DiscussionShape]:
        """Those we began. Anybody can type our marker: only the author makes it true."""
        found = await self._calls.all(routes.DISCUSSIONS, DiscussionShape, repo=ref.repo_id, number=ref.number)
        return [one for one in found if self._is_ours(one)]

    async def threads(self, ref: PullRequestRef) -> list[Thread]:
        ours = [one for one in await self.ours(ref) if read_finding_marker(one.notes[0].body)]
        if not ours:
            return []
        answer = await self._calls.send(routes.MERGE_REQUEST, repo=ref.repo_id, number=ref.number)
        refs = answer.read(MergeRequestShape).diff_refs
        return [thread for one in ours if (thread := _thread(one, refs.head_sha if refs else None))]

    async def resolve(self, ref: PullRequestRef, discussion_id: str, *, resolved: bool = True) -> bool:
        """Whether we may; a thread that is gone needs nothing more."""
        try:
            await self._calls.send(
                routes.RESOLVE,
                repo=ref.repo_id,
                number=ref.number,
                discussion=discussion_id,
                json={"resolved": resolved},
            )
        except Gone:
            return True
        except ForgeRefused as refusal:
            if refusal.status != 403:
                raise
            return False
        return True

    async def note(self, ref: PullRequestRef, discussion_id: str, note: str) -> None:
        """Say it in the first comment itself, once."""
        place: dict[str, str | int] = {"repo": ref.repo_id, "number": ref.number, "discussion": discussion_id}
        try:
            discussion = (await self._calls.send(routes.DISCUSSION, json=None, params=None, **place)).read(
                DiscussionShape
            )
            if not self._is_ours(discussion) or note in discussion.notes[0].body:
                return
            first = discussion.notes[0]
            text: dict[str, JsonValue] = {"body": f"{note}\n\n{first.body}"[:LONGEST_BODY]}
            await self._calls.send(routes.UPDATE_NOTE, json=text, params=None, note=first.id, **place)
        except Gone:
            return

    def _is_ours(self, discussion: DiscussionShape) -> bool:
        first = discussion.notes[0] if discussion.notes else None
        return first is not None and not first.system and first.author is not None and first.author.id == self._user_id


def _thread(discussion: DiscussionShape, head_sha: str | None) -> Thread | None:
    first = discussion.notes[0]
    marker = read_finding_marker(first.body)
    stands_at = first.position.head_sha if first.position else None
    if marker is None:
        return None
    return Thread(
        thread_id=discussion.id,
        root_comment_id=discussion.id,
        finding_id=marker[0],
        resolved=bool(first.resolved),
        resolved_by=first.resolved_by.person() if first.resolved_by else None,
        outdated=stands_at is not None and head_sha is not None and stands_at != head_sha,
    )
