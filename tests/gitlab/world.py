"""A GitLab that keeps state, with a project of ours in it, and the adapter as the registry builds it."""

from dataclasses import dataclass

from app.domain.pull_request import PullRequestRef, Repo
from app.domain.review import CheckText, InlineComment, ReviewDraft
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from app.forges.gitlab.client import GitLabClient
from app.forges.registry import Connection, Forge
from tests.gitlab.support import RUN_ID, RememberingLimits, draft

LINES = "".join(f"line {number}\n" for number in range(1, 61))


@dataclass
class World:
    fake: FakeGitLab
    project: FakeProject
    bot: BotCredentials
    forge: Forge

    def ref(self, pull: FakeMergeRequest) -> PullRequestRef:
        return PullRequestRef(connection="gitlab", repo_id=self.project.repo_id, number=pull.number)

    async def repo(self) -> Repo:
        (repo,) = await self.forge.reader.repositories()
        return repo

    async def told(self, pull: FakeMergeRequest, text: CheckText, *, run_id: str = RUN_ID, new: bool = False) -> None:
        known = None if new else run_id
        await self.forge.writer.ensure_check(self.ref(pull), pull.head_sha, run_id, text, known, look_first=False)

    def sent(self, since: int) -> list[str]:
        return [f"{seen.method} {seen.path.rpartition('/merge_requests/')[2]}" for seen in self.fake.requests[since:]]


def review_of(pull: FakeMergeRequest, *comments: InlineComment, body: str = "Two findings.") -> ReviewDraft:
    return draft(*comments, body=body).model_copy(update={"head_sha": pull.head_sha})


def a_client(connection: Connection) -> GitLabClient:
    """For what somebody does by hand, past our own parts."""
    return GitLabClient(connection, RememberingLimits())


async def post(world: World, pull: FakeMergeRequest, review: ReviewDraft) -> None:
    staged = await world.forge.writer.stage_review(world.ref(pull), review, look_first=False)
    await world.forge.writer.submit_review(world.ref(pull), staged)
