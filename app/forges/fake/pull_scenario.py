"""A pull request of the fake, for people to act on and for tests to look at."""

from collections.abc import Mapping, Sequence

from app.forges.fake.acts import checks as check_acts
from app.forges.fake.acts import commenting, pull_requests, reviewing
from app.forges.fake.acts.anchors import WantedPlace
from app.forges.fake.acts.suites import suite_for
from app.forges.fake.commits import Content
from app.forges.fake.entities import CheckRun, IssueComment, PullRequest, Review, ReviewComment, Thread
from app.forges.fake.state import FakeGitHub
from app.forges.fake.story import tell_story
from app.forges.fake.suggestions import accepted_on_github


class FakePullRequest:
    """What people do to a pull request, and what everybody sees of it."""

    def __init__(self, github: FakeGitHub, pull: PullRequest) -> None:
        self._github = github
        self.pull = pull

    @property
    def number(self) -> int:
        return self.pull.number

    @property
    def head_sha(self) -> str:
        return self.pull.head_sha

    @property
    def url(self) -> str:
        return f"{self._github.web_url}/{self.pull.repo.full_name}/pull/{self.pull.number}"

    @property
    def reviews(self) -> Sequence[Review]:
        """Submitted reviews, without those that GitHub makes around single comments."""
        return [one for one in self.pull.reviews if one.state != "PENDING" and (one.body or self._opens_threads(one))]

    @property
    def pending_reviews(self) -> Sequence[Review]:
        return [one for one in self.pull.reviews if one.state == "PENDING"]

    @property
    def threads(self) -> Sequence[Thread]:
        return [thread for thread in self.pull.threads if not thread.pending]

    @property
    def comments(self) -> Sequence[IssueComment]:
        return tuple(self.pull.comments)

    @property
    def checks(self) -> Sequence[CheckRun]:
        """Checks of the present head, oldest first."""
        return self.checks_of(self.head_sha)

    def checks_of(self, head_sha: str) -> Sequence[CheckRun]:
        return [run for run in self.pull.repo.check_runs.values() if run.head_sha == head_sha]

    def story(self) -> str:
        return tell_story(self.pull)

    async def push(
        self, changes: Mapping[str, Content], *, message: str = "More work", author: str | None = None
    ) -> str:
        """Another commit on the head branch; its hash."""
        async with self._source.pushing:
            return await self._commit(changes, message, author or self.pull.author.login, parent=self.head_sha)

    async def force_push(
        self, changes: Mapping[str, Content], *, message: str = "Start again", author: str | None = None
    ) -> str:
        """Throw the branch's commits away for one on top of the base."""
        async with self._source.pushing:
            base = await self.pull.repo.git.resolve(self.pull.base_ref)
            return await self._commit(changes, message, author or self.pull.author.login, parent=base)

    async def rebase(self, *, author: str | None = None) -> str:
        """Put the branch's commits on the present base."""
        git, login = self._source.git, author or self.pull.author.login
        base = await self.pull.repo.git.resolve(self.pull.base_ref) or self.pull.base_sha
        if self._source is not self.pull.repo:
            await git.take(self.pull.repo.git, base, "refs/rebase/onto")
        start = await git.merge_base(base, self.head_sha)
        after = await git.rebase(start, self.head_sha, base, author=login)
        return await self._move(after, login)

    async def reset_to(self, head_sha: str, *, author: str | None = None) -> None:
        """Force-push a commit that exists already."""
        await self._move(head_sha, author or self.pull.author.login)

    async def retarget(self, base: str, *, by: str = "maria") -> None:
        await pull_requests.retarget(self._github, self.pull, base, self._github.user(by))

    async def edit(self, *, title: str | None = None, body: str | None = None, by: str = "maria") -> None:
        await pull_requests.edit(self._github, self.pull, self._github.user(by), title=title, body=body)

    async def close(self, *, by: str = "maria") -> None:
        await pull_requests.close(self._github, self.pull, self._github.user(by))

    async def reopen(self, *, by: str = "maria") -> None:
        await pull_requests.reopen(self._github, self.pull, self._github.user(by))

    async def merge(self, *, by: str = "maria", method: str = "merge") -> None:
        await pull_requests.merge(self._github, self.pull, self._github.user(by), method=method)

    async def convert_to_draft(self, *, by: str = "maria") -> None:
        await pull_requests.set_draft(self._github, self.pull, True, self._github.user(by))

    async def ready(self, *, by: str = "maria") -> None:
        await pull_requests.set_draft(self._github, self.pull, False, self._github.user(by))

    async def label(self, *names: str, by: str = "maria") -> None:
        await pull_requests.add_labels(self._github, self.pull, list(names), self._github.user(by))

    async def unlabel(self, name: str, *, by: str = "maria") -> None:
        await pull_requests.remove_label(self._github, self.pull, name, self._github.user(by))

    def lock(self, *, locked: bool = True) -> None:
        """Only those who can write may still comment."""
        self.pull.locked = locked

    def delete_fork(self) -> None:
        """The head's repository goes away; its commits stay reachable through refs/pull."""
        if self._source is self.pull.repo:
            raise ValueError(f"Pull request {self.number} is not from a fork.")
        self._source.deleted = True

    def comment(self, body: str, *, by: str = "maria") -> IssueComment:
        return commenting.comment(self._github, self.pull, self._github.user(by), body)

    def edit_comment(self, comment: IssueComment | ReviewComment, body: str, *, by: str | None = None) -> None:
        user = self._github.user(by) if by else comment.user
        if isinstance(comment, IssueComment):
            commenting.edit(self._github, comment, user, body)
        else:
            reviewing.edit_comment(self._github, comment, user, body)

    def delete_comment(self, comment: IssueComment | ReviewComment, *, by: str | None = None) -> None:
        user = self._github.user(by) if by else comment.user
        if isinstance(comment, IssueComment):
            commenting.delete(self._github, comment, user)
        else:
            reviewing.delete_comment(self._github, comment, user)

    async def review(self, body: str, *, by: str = "maria", event: reviewing.ReviewEvent = "COMMENT") -> Review:
        """A review with a body and no threads."""
        return await reviewing.create_review(
            self._github, self.pull, self._github.user(by), body=body, event=event, commit_id=None, comments=[]
        )

    async def comment_on_line(self, path: str, line: int, body: str, *, by: str = "maria") -> Thread:
        """Open a thread on a line of the new side."""
        made = await reviewing.comment_on_line(
            self._github,
            self.pull,
            self._github.user(by),
            where=WantedPlace(path=path, line=line),
            body=body,
            commit_id=self.head_sha,
        )
        return made.thread

    async def accept_suggestion(self, thread: Thread, *, by: str = "maria") -> str:
        """Commit what the thread's first comment suggests; ValueError where GitHub offers no button."""
        at = thread.anchor
        if at.side != "RIGHT" or at.line is None or at.outdated:
            raise ValueError("Suggestions on removed or outdated lines cannot be committed.")
        file = await self._source.git.read_file(self.head_sha, at.path) or b""
        text = accepted_on_github(thread.comments[0].body, file.decode(), at.start_line or at.line, at.line)
        after = await self.push({at.path: text}, message="Apply suggestion from code review", author=by)
        self.resolve(thread, by=by)
        return after

    def reply(self, thread: Thread, body: str, *, by: str = "maria") -> ReviewComment:
        return reviewing.reply(self._github, thread, self._github.user(by), body)

    def resolve(self, thread: Thread, *, by: str = "maria") -> None:
        reviewing.set_resolved(self._github, thread, True, self._github.user(by))

    def unresolve(self, thread: Thread, *, by: str = "maria") -> None:
        reviewing.set_resolved(self._github, thread, False, self._github.user(by))

    def react(self, to: IssueComment | ReviewComment | None, content: str, *, by: str = "maria") -> None:
        """React to a comment, or to the pull request itself."""
        reactions = self.pull.reactions if to is None else to.reactions
        commenting.react(self._github, reactions, self._github.user(by), content)

    def press(self, identifier: str, *, check: CheckRun | None = None, by: str = "maria") -> None:
        """Press a button of a check, the newest unless given."""
        check_acts.press_button(self._github, check or self.checks[-1], identifier, self._github.user(by))

    def rerun(self, *, check: CheckRun | None = None, by: str = "maria") -> None:
        """Ask for a check again."""
        check_acts.rerequest_check(self._github, check or self.checks[-1], self._github.user(by))

    def rerun_all(self, *, by: str = "maria") -> None:
        """Ask for all checks of the head again, App by App."""
        for installation in self._github.installations_of(self.pull.repo):
            suite = suite_for(self._github, self.pull.repo, installation.app, self.head_sha)
            check_acts.rerequest_suite(self._github, self.pull.repo, suite, self._github.user(by))

    @property
    def _source(self) -> "pull_requests.Repository":
        if self.pull.head_repo is None or self.pull.head_repo.deleted:
            raise ValueError(f"The branch of pull request {self.number} is gone with its repository.")
        return self.pull.head_repo

    def _opens_threads(self, review: Review) -> bool:
        return any(comment.in_reply_to_id is None for comment in self.pull.comments_of(review))

    async def _commit(self, changes: Mapping[str, Content], message: str, author: str, *, parent: str | None) -> str:
        git, branch = self._source.git, self.pull.head_ref
        after = await git.commit(branch, changes, message=message, author=author, parent=parent)
        return await self._move(after, author)

    async def _move(self, after: str, author: str) -> str:
        source, branch, before = self._source, self.pull.head_ref, self.head_sha
        await source.git.set_ref(f"refs/heads/{branch}", after)
        await pull_requests.branch_moved(self._github, source, branch, before, after, self._github.user(author))
        return after
