"""Looking at a pull request: what it is now, and whether its head is ours to review."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from temporalio import activity

from app.domain.pull_request import PullRequest
from app.domain.repo_config import RepoConfig
from app.domain.runs import PullRequestState
from app.forges.base import ForgeReader
from app.store.blobs import Blobs
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.runs import Runs
from workflows.activities.agent_push import Pushing
from workflows.activities.agent_start import AgentStarts
from workflows.activities.configuration import Configurations
from workflows.activities.fetching import Fetching
from workflows.messages import Admission, LookRequest, Stop
from workflows.turn import AUTO

# A label that keeps a pull request from being reviewed without being asked.
OPT_OUT_LABEL = "no-corrigent"


class Looking:
    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        repositories: Repositories,
        pull_requests: PullRequests,
        runs: Runs,
        blobs: Blobs,
        fetching: Fetching,
        configurations: Configurations,
        agent_starts: AgentStarts,
        pushing: Pushing,
    ) -> None:
        self.readers = readers
        self.repositories = repositories
        self.pull_requests = pull_requests
        self.runs = runs
        self.blobs = blobs
        self.fetching = fetching
        self.configurations = configurations
        self.agent_starts = agent_starts
        self.pushing = pushing

    @activity.defn(name="look")
    async def look(self, request: LookRequest) -> Admission:
        pull_request = await self.readers[request.ref.connection].pull_request(request.ref)
        await self.repositories.ensure(pull_request.repo)
        state = await self.pull_requests.see(pull_request)
        if pull_request.state != "open":
            await self.agent_starts.stop(request.ref, Stop(reason="closed"))
            await self.pushing.take_back(pull_request)
            return Admission(verdict="closed", head_sha=pull_request.head_sha)
        fetched = await self.fetching.fetch(pull_request, refresh=True)
        config = await self.configurations.at(pull_request, fetched)
        reason = None if request.request != AUTO else _why_not(pull_request, config.config)
        silent = request.request == AUTO and await self._not_asked_for(pull_request, state, config.config)
        if silent:
            return Admission(verdict="nothing", head_sha=pull_request.head_sha)
        return Admission(
            verdict="review" if reason is None else "skip",
            head_sha=pull_request.head_sha,
            pull_request_key=await self.blobs.put_model(pull_request),
            reason=reason or "",
        )

    async def _not_asked_for(self, pull_request: PullRequest, state: PullRequestState, config: RepoConfig) -> bool:
        """Heads that stay without a word: paused, from before our first day, or only reviewed when asked."""
        if state.paused or state.watermark_sha == pull_request.head_sha or config.review == "on-request":
            return True
        return config.review == "once" and await self.runs.last_reviewed(pull_request.ref) is not None


def _why_not(pull_request: PullRequest, config: RepoConfig) -> str | None:
    """Why this head is not reviewed without being asked, as the check says it; None when it is."""
    if pull_request.repo.archived:
        return "The repository is archived"
    if OPT_OUT_LABEL in pull_request.labels:
        return f"Label {OPT_OUT_LABEL}"
    if pull_request.draft and not config.drafts:
        return "Draft"
    author = pull_request.author
    if author is not None and _skipped_author(author.login, author.is_bot, config):
        return f"Opened by {author.login.removesuffix('[bot]')}"
    return None


def _skipped_author(login: str, is_bot: bool, config: RepoConfig) -> bool:
    name = f"{login.removesuffix('[bot]')}[bot]" if is_bot else login
    if any(fnmatchcase(name, pattern) or pattern == login for pattern in map(_literal_brackets, config.authors.allow)):
        return False
    return any(fnmatchcase(name, pattern) for pattern in map(_literal_brackets, config.authors.skip))


def _literal_brackets(pattern: str) -> str:
    """`*[bot]` means the letters, not a set of characters."""
    return pattern.replace("[", "[[]")
