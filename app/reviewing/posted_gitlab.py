"""What a review of ours left on GitLab: threads, and whether one is at work. There is no check to read."""

from collections.abc import Iterator, Sequence

from app.domain.errors import ForgeRefused, Gone
from app.domain.findings import Place
from app.domain.markers import read_finding_marker, read_run_marker
from app.domain.pull_request import PullRequest
from app.forges.gitlab import routes
from app.forges.gitlab.awards import AT_WORK
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import AwardShape, DiscussionShape, MemberShape, NotePositionShape, NoteShape, UserShape
from app.forges.registry import Connection
from app.one_process_limits import OneProcessLimits
from app.reviewing.posted import Posted, only, open_threads

# A member who may at least read the code; guests of a project may be anybody.
_REPORTER = 20
_READS = frozenset({routes.DISCUSSIONS, routes.NOTES, routes.AWARDS, routes.USER, routes.MEMBER})


async def posted_on_gitlab(connection: Connection, pull_request: PullRequest, bot: str) -> Posted:
    ref = pull_request.ref
    client = GitLabClient(connection, OneProcessLimits())
    try:
        calls = Calls(client, _READS)
        found = await calls.all(routes.DISCUSSIONS, DiscussionShape, repo=ref.repo_id, number=ref.number)
        begun = [(one, one.notes[0]) for one in found if one.notes]
        by = bot or only(await _bots(calls, ref.repo_id, [note for _, note in begun]))
        awards = await calls.all(routes.AWARDS, AwardShape, repo=ref.repo_id, number=ref.number)
    finally:
        await client.close()
    return Posted(
        by=by,
        threads=open_threads(_bodies([note for _, note in begun], by)),
        at_work=any(one.name == AT_WORK and _is_by(one.user, by) for one in awards),
    )


async def _bots(calls: Calls, repo_id: str, notes: Sequence[NoteShape]) -> list[str]:
    """Of those who wrote marks of ours: whom GitLab calls a bot, and somebody made a member."""
    authors = {
        note.author.id: note.author.username
        for note in notes
        if note.author and not note.system and (read_finding_marker(note.body) or read_run_marker(note.body))
    }
    return [name for user_id, name in authors.items() if await _is_trusted(calls, repo_id, user_id)]


async def _is_trusted(calls: Calls, repo_id: str, user_id: int) -> bool:
    try:
        user = (await calls.send(routes.USER, user=user_id)).read(UserShape)
        member = (await calls.send(routes.MEMBER, repo=repo_id, user=user_id)).read(MemberShape)
    except (Gone, ForgeRefused):
        return False
    return user.bot and member.access_level >= _REPORTER


def _bodies(notes: Sequence[NoteShape], by: str) -> Iterator[tuple[str, str, Place]]:
    for note in notes:
        mark = read_finding_marker(note.body)
        if mark and note.position and not note.system and not note.resolved and _is_by(note.author, by):
            yield mark[0], note.body, _place(note.position)


def _is_by(user: UserShape | None, name: str) -> bool:
    return user is not None and user.username.lower() == name.lower()


def _place(position: NotePositionShape) -> Place:
    new = position.new_line is not None
    line = (position.new_line if new else position.old_line) or 1
    return Place(
        path=(position.new_path if new else position.old_path) or "",
        side="new" if new else "old",
        start_line=line,
        line=line,
    )
