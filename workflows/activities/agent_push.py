"""Putting a fix on a branch: what policy says, one commit on a trusted mirror, one push with a right of its own."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal

import structlog
from pydantic import JsonValue

from app.checkouts.git import GitError
from app.checkouts.mirrors import AccessDenied, Mirrors
from app.checkouts.patching import BranchMoved, MadeCommit, Patching, PatchRefused, PushDeclined, Signature
from app.domain.agents import Agent
from app.domain.errors import ForgeRefused, HeadMoved, Refused, UserError
from app.domain.fixes import Fix, Patch
from app.domain.model import Frozen
from app.domain.names import BRANCH_PREFIX
from app.domain.pull_request import OPERATOR, Permission, PullRequest, PullRequestRef, Repo
from app.domain.secrets import Redactor
from app.forges.base import ForgePusher, ForgeReader
from app.store.agents import Agents
from app.store.audit import Audit
from app.store.blobs import Blobs
from app.store.effects import Effects
from app.store.findings import Findings
from autofix.patches import UnreadablePatch, parse
from autofix.push_message import commit_message
from autofix.push_policy import judge
from workflows.activities.agent_start import NOBODY
from workflows.activities.fetching import Fetching

log = structlog.get_logger()


class Pushed(Frozen):
    """Where a fix went. `refusal` says why it did not go where it was to; a clause."""

    where: Literal["nowhere", "branch", "head"] = "nowhere"
    commit_sha: str = ""
    branch: str = ""
    refusal: str = ""


class Pushing:
    """Safe to repeat: the same fix is the same commit, and a push that went through is found on the forge."""

    def __init__(
        self,
        *,
        readers: Mapping[str, ForgeReader],
        pushers: Mapping[str, ForgePusher],
        agents: Agents,
        findings: Findings,
        effects: Effects,
        audit: Audit,
        blobs: Blobs,
        mirrors: Mirrors,
        patching: Patching,
        fetching: Fetching,
        is_quiet: Callable[[PullRequestRef], Awaitable[bool]],
        redactor: Redactor,
        clock: Callable[[], datetime],
    ) -> None:
        self.readers = readers
        self.pushers = pushers
        self.agents = agents
        self.findings = findings
        self.effects = effects
        self.audit = audit
        self.blobs = blobs
        self.mirrors = mirrors
        self.patching = patching
        self.fetching = fetching
        self.is_quiet = is_quiet
        self.redactor = redactor
        self.clock = clock

    async def push(self, agent: Agent, fix: Fix, *, said_apply: bool, now_at: PullRequest) -> Pushed:
        """As far as the agent was asked to go and may go; HeadMoved when the branch is another one now."""
        patch = fix.patch
        if agent.delivery == "suggest" or patch is None or fix.proof.grade == "none":
            return Pushed()
        refusal = await self._refusal(agent, fix, patch, said_apply=said_apply, now_at=now_at)
        if refusal is not None:
            return Pushed(refusal=refusal)
        try:
            home = await self._home(agent, now_at)
            made = await self._commit(agent, fix, patch, now_at)
            return await self._pushed(agent, patch, made, now_at, home)
        except (Refused, UserError, AccessDenied) as refused:
            return Pushed(refusal=str(refused))

    async def take_back(self, pull_request: PullRequest) -> None:
        """Branches of ours go with their pull request; one that somebody has put something on stays."""
        for agent in await self.agents.of(pull_request.ref):
            # A push that is under way is taken back by whoever delivers it.
            await self._take_all_back(agent, await self.effects.kept(agent.agent_id, kind="push"), pull_request)

    async def take_back_of(self, agent: Agent, pull_request: PullRequest) -> None:
        """The same at the end of this agent's delivery, when none of its pushes is under way any more: what a try that
        was killed may have pushed goes too."""
        await self._take_all_back(agent, await self.effects.begun(agent.agent_id, kind="push"), pull_request)

    async def _take_all_back(self, agent: Agent, keys: Iterable[str], pull_request: PullRequest) -> None:
        if await self.is_quiet(pull_request.ref):
            return
        for key in keys:
            branch, _, commit_sha = key.removeprefix(f"push/{agent.agent_id}/").rpartition("/")
            # Where our commits went to the pull request's own branch, it is not ours.
            if branch.startswith(BRANCH_PREFIX) and branch != pull_request.head_ref:
                await self._take_back(agent, branch, commit_sha, pull_request.repo)

    async def _take_back(self, agent: Agent, branch: str, commit_sha: str, repo: Repo) -> None:
        async def remove(_look_first: bool) -> JsonValue:
            try:
                async with self.pushers[agent.ref.connection].pushing(repo) as access:
                    await self.patching.remove(
                        access, branch=branch, expected_sha=commit_sha, default_branch=repo.default_branch
                    )
            except BranchMoved:
                return "moved"
            detail = {"agent_id": agent.agent_id, "commit": commit_sha, "branch": branch}
            await self.audit.append("branch.removed", "", agent.ref, detail, self.clock())
            return "removed"

        try:
            await self.effects.perform(f"unpush/{agent.agent_id}/{branch}/{commit_sha}", remove, run_id=agent.agent_id)
        except (ForgeRefused, Refused, AccessDenied) as refused:
            log.warning("branch.stays", agent_id=agent.agent_id, branch=branch, cause=type(refused).__name__)

    async def _refusal(
        self, agent: Agent, fix: Fix, patch: Patch, *, said_apply: bool, now_at: PullRequest
    ) -> str | None:
        """Why it stays where it is, a clause; empty where nobody wondered."""
        if agent.ref.connection not in self.pushers:
            return "fixes cannot be pushed to this forge"
        if await self.is_quiet(agent.ref):
            return "nothing is written here, as the operator set it"
        if agent.delivery == "commit" and fix.proof.grade != "proved" and not said_apply:
            # Shown with what was checked; a person who has seen it may say `apply`.
            return ""
        if agent.asked_by not in (NOBODY, OPERATOR):
            permission = await self.readers[agent.ref.connection].permission(now_at.repo, agent.asked_by)
            if not permission.allows(Permission.WRITE):
                return f"{agent.asked_by.login} may no longer write to this repository"
        return await self._objection(patch, said_apply=said_apply)

    async def _objection(self, patch: Patch, *, said_apply: bool) -> str | None:
        try:
            verdict = judge(parse(await self.blobs.get(patch.patch_key)), redactor=self.redactor)
        except UnreadablePatch as unreadable:
            return str(unreadable)
        if verdict.automatic or (said_apply and verdict.allowed):
            return None
        return f"{verdict.reason}, so it waits for somebody's apply" if verdict.allowed else verdict.reason

    async def _home(self, agent: Agent, now_at: PullRequest) -> Repo:
        """Where the branch is that is pushed to; Refused where it is not ours to change."""
        if agent.delivery != "commit":
            if now_at.from_fork:
                # Its code on a branch of ours would run with our pipelines' secrets.
                raise Refused("the change comes from a fork, of which no branch is made here")
            return now_at.repo
        home = await self.pushers[agent.ref.connection].home_of(now_at)
        if home is None:
            raise Refused("the branch is in a fork, which is changed by its owner only")
        return home

    async def _commit(self, agent: Agent, fix: Fix, patch: Patch, now_at: PullRequest) -> MadeCommit:
        await self.fetching.fetch(now_at.model_copy(update={"head_sha": patch.head_sha}), refresh=False)
        data = await self.blobs.get(patch.patch_key)
        by = await self.pushers[agent.ref.connection].identity()
        titles = [one.finding.title for one in await self.findings.of(agent.ref) if one.number in fix.numbers]
        shown = "; ".join(f"{row.what}: {row.before}, then {row.after}" for row in fix.proof.comparisons[:5])
        message = commit_message(
            title=titles[0] if titles else fix.summary,
            numbers=fix.numbers,
            grade=fix.proof.grade,
            proof=shown,
            asked_by=agent.asked_by.login,
            summary=fix.summary,
        )
        return await self.patching.commit(
            now_at.repo,
            head_sha=patch.head_sha,
            patch=data,
            paths=parse(data).paths,
            message=self.redactor.redact(message),
            # Not the time of this try: a second one has to make the same commit.
            signature=Signature(name=by.name, email=by.email, at=agent.started_at),
        )

    async def _pushed(self, agent: Agent, patch: Patch, made: MadeCommit, now_at: PullRequest, home: Repo) -> Pushed:
        to_head = agent.delivery == "commit"
        branch = now_at.head_ref if to_head else await self._branch_of(agent)

        async def push(look_first: bool) -> JsonValue:
            if to_head and look_first and await self._is_there(made, now_at):
                return now_at.head_sha
            if to_head and now_at.head_sha != patch.head_sha:
                raise HeadMoved(now_at.head_sha)
            sent = await self._send(agent, made, home, branch, expected_sha=patch.head_sha if to_head else None)
            detail = {"agent_id": agent.agent_id, "commit": sent, "branch": branch}
            await self.audit.append("push", agent.asked_by.login, agent.ref, detail, self.clock())
            return sent

        key = f"push/{agent.agent_id}/{branch}/{made.commit_sha}"
        sent = str(await self.effects.perform(key, push, run_id=agent.agent_id))
        log.info("fix.pushed", agent_id=agent.agent_id, pull_request=str(agent.ref), to_head=to_head)
        return Pushed(where="head" if to_head else "branch", commit_sha=sent, branch=branch)

    async def _is_there(self, made: MadeCommit, now_at: PullRequest) -> bool:
        """The branch ends in our commit, or in the one that the forge made of it."""
        if now_at.head_sha == made.commit_sha:
            return True
        await self.fetching.fetch(now_at, refresh=False)
        return await self.patching.is_same(now_at.repo, made, now_at.head_sha)

    async def _branch_of(self, agent: Agent) -> str:
        """A branch of ours for one try of one agent, short enough to be typed."""
        known = [one.agent_id for one in await self.agents.of(agent.ref)]
        tries = f"-{agent.attempt}" if agent.attempt > 1 else ""
        return f"{BRANCH_PREFIX}{agent.ref.number}-{known.index(agent.agent_id) + 1}{tries}"

    async def _send(self, agent: Agent, made: MadeCommit, home: Repo, branch: str, *, expected_sha: str | None) -> str:
        """The hash that the commit has on the branch."""
        async with self.pushers[agent.ref.connection].pushing(home) as access:
            try:
                await self.patching.push(
                    agent.ref,
                    access,
                    made=made,
                    branch=branch,
                    expected_sha=expected_sha,
                    default_branch=home.default_branch,
                )
            except BranchMoved as moved:
                now = await self.readers[agent.ref.connection].pull_request(agent.ref)
                if expected_sha is None:
                    raise Refused(f"{branch} is there already, with something else on it") from moved
                if now.head_sha != made.commit_sha:
                    raise HeadMoved(now.head_sha) from moved
            except PushDeclined as declined:
                if expected_sha is None:
                    raise
                return await self._sent_signed(agent, made, home, branch, declined)
            except AccessDenied:
                raise
            except GitError as error:
                raise RuntimeError(f"the push was not answered: {error}") from error
        return made.commit_sha

    async def _sent_signed(
        self, agent: Agent, made: MadeCommit, home: Repo, branch: str, declined: PushDeclined
    ) -> str:
        """As a commit that the forge makes and signs: what a branch wants that takes none without a signature."""
        try:
            same = await self.patching.spelled_out(agent.ref, made)
            sent = await self.pushers[agent.ref.connection].commit(home, branch, same)
        except PatchRefused as refused:
            raise Refused(f"{declined}, and {refused}") from refused
        except ForgeRefused as refused:
            now = await self.readers[agent.ref.connection].pull_request(agent.ref)
            if now.head_sha != made.parent_sha:
                raise HeadMoved(now.head_sha) from refused
            raise declined from refused
        if sent is None:
            raise declined
        return sent
