"""A merge request of the fake, for people to act on and for tests to look at."""

from collections.abc import Mapping, Sequence

from app.forges.fake.commits import Content
from app.forges.fake.gitlab.acts import merge_requests as acts
from app.forges.fake.gitlab.acts import noting, statuses
from app.forges.fake.gitlab.entities import (
    Discussion,
    DraftNote,
    MergeRequest,
    Note,
    Pipeline,
    Position,
    Project,
    QuickAction,
    Status,
    StatusState,
)
from app.forges.fake.gitlab.shapes.merge_requests import web_url
from app.forges.fake.gitlab.state import GitLabState
from app.forges.fake.gitlab.story import statuses as statuses_of
from app.forges.fake.gitlab.story import tell_story
from app.forges.fake.suggestions import accepted_on_gitlab


class FakeMergeRequest:
    """What people do to a merge request, and what everybody sees of it."""

    def __init__(self, gitlab: GitLabState, item: MergeRequest) -> None:
        self._gitlab = gitlab
        self.item = item

    @property
    def number(self) -> int:
        return self.item.iid

    @property
    def head_sha(self) -> str:
        return self.item.head_sha

    @property
    def url(self) -> str:
        return web_url(self._gitlab, self.item)

    @property
    def threads(self) -> Sequence[Discussion]:
        """Threads on lines of the change."""
        return [one for one in self.item.discussions if one.position is not None]

    @property
    def comments(self) -> Sequence[Note]:
        """First notes that stand on no line, in the order in which they were made."""
        opened = [one.notes[0] for one in self.item.discussions if one.position is None]
        return [note for note in opened if not note.system]

    @property
    def drafts(self) -> Sequence[DraftNote]:
        return tuple(self.item.drafts)

    @property
    def checks(self) -> Sequence[Status]:
        """The newest commit status of each name on the present head."""
        return statuses_of(self.item)

    @property
    def quick_actions(self) -> Sequence[QuickAction]:
        """Slash commands that were found and carried out."""
        return tuple(self.item.quick_actions)

    def story(self) -> str:
        return tell_story(self.item)

    async def push(
        self, changes: Mapping[str, Content], *, message: str = "More work", author: str | None = None
    ) -> str:
        """Another commit on the source branch; its hash."""
        async with self._source.pushing:
            return await self._commit(changes, message, author or self.item.author.username, parent=self.head_sha)

    async def force_push(
        self, changes: Mapping[str, Content], *, message: str = "Start again", author: str | None = None
    ) -> str:
        """Throw the branch's commits away for one on top of the target."""
        async with self._source.pushing:
            base = await self.item.project.git.resolve(self.item.target_branch)
            return await self._commit(changes, message, author or self.item.author.username, parent=base)

    async def rebase(self, *, author: str | None = None) -> str:
        """Put the branch's commits on the target's present tip."""
        git, login = self._source.git, author or self.item.author.username
        base = await self.item.project.git.resolve(self.item.target_branch) or self.item.version.start_sha
        if self._source is not self.item.project:
            await git.take(self.item.project.git, base, "refs/rebase/onto")
        start = await git.merge_base(base, self.head_sha)
        after = await git.rebase(start, self.head_sha, base, author=login)
        return await self._move(after, login)

    async def reset_to(self, head_sha: str, *, author: str | None = None) -> None:
        """Force-push a commit that exists already."""
        await self._move(head_sha, author or self.item.author.username)

    async def retarget(self, base: str, *, by: str = "maria") -> None:
        await acts.retarget(self._gitlab, self.item, base, self._gitlab.user(by))

    async def edit(self, *, title: str | None = None, body: str | None = None, by: str = "maria") -> None:
        acts.edit(self._gitlab, self.item, self._gitlab.user(by), title=title, description=body)

    async def close(self, *, by: str = "maria") -> None:
        acts.close(self._gitlab, self.item, self._gitlab.user(by))

    async def reopen(self, *, by: str = "maria") -> None:
        await acts.reopen(self._gitlab, self.item, self._gitlab.user(by))

    async def merge(self, *, by: str = "maria", method: str = "merge") -> None:
        self.item.squash = method == "squash"
        await acts.merge(self._gitlab, self.item, self._gitlab.user(by))

    async def convert_to_draft(self, *, by: str = "maria") -> None:
        acts.set_draft(self._gitlab, self.item, True, self._gitlab.user(by))

    async def ready(self, *, by: str = "maria") -> None:
        acts.set_draft(self._gitlab, self.item, False, self._gitlab.user(by))

    async def label(self, *names: str, by: str = "maria") -> None:
        held = [label.name for label in self.item.labels]
        acts.set_labels(self._gitlab, self.item, [*held, *names], self._gitlab.user(by))

    async def unlabel(self, name: str, *, by: str = "maria") -> None:
        kept = [label.name for label in self.item.labels if label.name != name]
        acts.set_labels(self._gitlab, self.item, kept, self._gitlab.user(by))

    def request_review(self, username: str, *, by: str = "maria") -> None:
        """Make somebody a reviewer, or ask a reviewer once more."""
        user = self._gitlab.user(username)
        again = user if user in self.item.reviewers else None
        reviewers = self.item.reviewers if again else [*self.item.reviewers, user]
        acts.set_reviewers(self._gitlab, self.item, reviewers, self._gitlab.user(by), asked_again=again)

    def lock(self, *, locked: bool = True) -> None:
        """Only members may still comment."""
        self.item.locked = locked

    def delete_fork(self) -> None:
        """The source's project goes away; its commits stay reachable through refs/merge-requests."""
        if self._source is self.item.project:
            raise ValueError(f"Merge request {self.number} is not from a fork.")
        self._source.deleted = True

    async def delete_branch(self, *, by: str = "maria") -> None:
        """The source branch goes away, and the merge request is closed with it."""
        before = self.head_sha
        await self._source.git.delete_ref(f"refs/heads/{self.item.source_branch}")
        user = self._gitlab.user(by)
        await acts.branch_moved(self._gitlab, self._source, self.item.source_branch, before, None, user)

    def comment(self, body: str, *, by: str = "maria", internal: bool = False) -> Note:
        note = noting.create_note(self._gitlab, self.item, self._gitlab.user(by), body, internal=internal)
        if note is None:
            raise ValueError(f"{body!r} is nothing but commands to GitLab: there is no note.")
        return note

    def system_note(self, body: str, *, by: str = "maria") -> Note:
        """GitLab's own words about what somebody did."""
        return noting.system_note(self._gitlab, self.item, self._gitlab.user(by), body)

    def edit_comment(self, comment: Note, body: str, *, by: str | None = None) -> None:
        noting.update_note(self._gitlab, comment, self._gitlab.user(by) if by else comment.user, body)

    def delete_comment(self, comment: Note) -> None:
        noting.delete_note(comment)

    async def comment_on_line(self, path: str, line: int, body: str, *, by: str = "maria") -> Discussion:
        """Open a thread on a line that the change adds."""
        version = self.item.version
        place = Position(version.base_sha, version.start_sha, version.head_sha, path, path, None, line)
        code = await noting.checked_line_code(self.item, place)
        user = self._gitlab.user(by)
        note = noting.create_note(self._gitlab, self.item, user, body, thread=True, position=place, line_code=code)
        if note is None:
            raise ValueError(f"{body!r} is nothing but commands to GitLab: there is no note.")
        return note.discussion

    async def accept_suggestion(self, thread: Discussion, *, by: str = "maria") -> str:
        """Commit what the thread's first note suggests; ValueError where GitLab offers no button."""
        at = thread.position
        if at is None or at.new_line is None or thread.outdated:
            raise ValueError("Suggestions on removed or outdated lines cannot be applied.")
        file = await self._source.git.read_file(self.head_sha, at.new_path) or b""
        text = accepted_on_gitlab(thread.notes[0].body, file.decode(), at.new_line)
        after = await self.push({at.new_path: text}, message="Apply 1 suggestion to 1 file", author=by)
        self.resolve(thread, by=by)
        return after

    def reply(self, thread: Discussion, body: str, *, by: str = "maria") -> Note:
        note = noting.create_note(self._gitlab, self.item, self._gitlab.user(by), body, reply_to=thread)
        if note is None:
            raise ValueError(f"{body!r} is nothing but commands to GitLab: there is no note.")
        return note

    def resolve(self, thread: Discussion, *, by: str = "maria") -> None:
        noting.set_resolved(self._gitlab, thread, True, self._gitlab.user(by))

    def unresolve(self, thread: Discussion, *, by: str = "maria") -> None:
        noting.set_resolved(self._gitlab, thread, False, self._gitlab.user(by))

    def react(self, to: Note | None, content: str, *, by: str = "maria") -> None:
        """Put an emoji on a note, or on the merge request itself."""
        noting.award(self._gitlab, to or self.item, self._gitlab.user(by), content)

    def start_pipeline(self, state: StatusState = "running") -> Pipeline:
        """The project's own pipeline on the present head."""
        return statuses.start_pipeline(self._gitlab, self.item.project, self.head_sha, self.item.source_branch, state)

    @property
    def _source(self) -> Project:
        if self.item.source_project is None or self.item.source_project.deleted:
            raise ValueError(f"The branch of merge request {self.number} is gone with its project.")
        return self.item.source_project

    async def _commit(self, changes: Mapping[str, Content], message: str, author: str, *, parent: str | None) -> str:
        branch = self.item.source_branch
        after = await self._source.git.commit(branch, changes, message=message, author=author, parent=parent)
        return await self._move(after, author)

    async def _move(self, after: str, author: str) -> str:
        source, branch, before = self._source, self.item.source_branch, self.head_sha
        await source.git.set_ref(f"refs/heads/{branch}", after)
        await acts.branch_moved(self._gitlab, source, branch, before, after, self._gitlab.user(author))
        return after
