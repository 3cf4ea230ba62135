"""What an event leads to: rows in the store, and nudges for a pull request's turn."""

from collections.abc import Mapping, Sequence

from app.commands.parser import action_key, button_key, parse
from app.domain.actions import Action, Delivery
from app.domain.events import (
    ButtonPressed,
    CommentMade,
    Event,
    FeedbackGiven,
    FixesAsked,
    Ignored,
    InstallationChanged,
    MergeQueued,
    PullRequestChanged,
    RerunRequested,
    ReviewAsked,
    RuleDecided,
    StopPressed,
    ThreadResolved,
)
from app.domain.model import Frozen
from app.domain.pull_request import Person, PullRequestRef
from app.domain.talk import QUESTION, is_to_us
from app.store.actions import Actions
from app.store.agents import Agents
from app.store.feedback import Votes
from app.store.findings import Findings
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.runs import Runs
from workflows.messages import Nudge, NudgeKind

KIND: Mapping[str, NudgeKind] = {
    "opened": "opened",
    "reopened": "opened",
    "ready": "opened",
    "pushed": "pushed",
    "retargeted": "changed",
    "closed": "changed",
    "drafted": "changed",
    "labeled": "changed",
    "unlabeled": "changed",
}
LONGEST_ARGUMENT = 1000
# Stands for the line of a command in the key of a reply that has none.
REPLY = "(reply)"


class Meaning(Frozen):
    """Whom to nudge, with what; without nudges the reason says why there is nothing to do."""

    ref: PullRequestRef | None = None
    nudges: tuple[Nudge, ...] = ()
    installation: str = ""
    # A chore to run now: new repositories want their first look.
    chore: str = ""
    reason: str = ""


class Routing:
    """Turns an event into its meaning. Safe to repeat: every row it writes is unique by the event's own identity."""

    def __init__(
        self,
        *,
        repositories: Repositories,
        pull_requests: PullRequests,
        actions: Actions,
        agents: Agents,
        findings: Findings,
        runs: Runs,
        votes: Votes,
        mentions: Mapping[str, Sequence[str]],
    ) -> None:
        self.repositories = repositories
        self.pull_requests = pull_requests
        self.actions = actions
        self.agents = agents
        self.findings = findings
        self.runs = runs
        self.votes = votes
        # Connection -> the words that address us there ("/corrigent", "@acme-corrigent").
        self.mentions = mentions

    async def route(self, event: Event, delivery: Delivery) -> Meaning:
        match event:
            case Ignored(reason=reason):
                return Meaning(reason=reason)
            case PullRequestChanged():
                return await self._changed(event, delivery)
            case CommentMade():
                return await self._commented(event, delivery)
            case ThreadResolved() | FeedbackGiven():
                return await self._on_thread(event, delivery)
            case ButtonPressed() | RerunRequested():
                return await self._pressed(event, delivery)
            case MergeQueued():
                return await self._queued(event, delivery)
            case StopPressed() | ReviewAsked() | FixesAsked() | RuleDecided():
                return await self._by_operator(event, delivery)
            case InstallationChanged():
                return await self._installation(event)

    async def _changed(self, event: PullRequestChanged, delivery: Delivery) -> Meaning:
        await self.repositories.ensure(event.repo)
        if event.change == "opened":
            await self.pull_requests.opened(event.ref, event.head_sha)
        kind = KIND.get(event.change)
        if kind is None:
            return Meaning(ref=event.ref, reason=f"{event.change}: nothing to review")
        nudge = Nudge(kind=kind, delivery_id=delivery.delivery_id)
        return Meaning(ref=event.ref, nudges=(nudge,), installation=event.repo.installation_id, reason=event.change)

    async def _commented(self, event: CommentMade, delivery: Delivery) -> Meaning:
        words = self.mentions.get(event.ref.connection, ())
        commands = parse(event.body, mentions=words, previous_body=event.previous_body)
        if not commands:
            return await self._replied(event, delivery)
        await self.repositories.ensure(event.repo)
        nudges: list[Nudge] = []
        for command in commands:
            action = Action(
                action_key=action_key(event.ref.connection, event.comment_id, command.line, command.ordinal),
                ref=event.ref,
                word=command.word,
                argument=command.argument[:LONGEST_ARGUMENT],
                number=command.number,
                actor=event.author,
                source=event.kind,
                comment_id=event.comment_id,
                root_comment_id=event.root_comment_id,
                received_at=delivery.received_at,
            )
            nudges.append(await self._act(action, delivery))
        return Meaning(ref=event.ref, nudges=tuple(nudges), installation=event.repo.installation_id, reason="command")

    async def _replied(self, event: CommentMade, delivery: Delivery) -> Meaning:
        """Words without a command: for the agent that spoke in the thread last, else about the thread's finding."""
        root = event.root_comment_id
        # An edited reply was heard when it was written.
        is_new = event.kind == "thread" and root is not None and event.previous_body is None
        if not is_new or event.author.is_bot or not event.body.strip():
            return Meaning(ref=event.ref, reason="no command")
        word = await self._word_of_reply(event, root or "")
        if not word:
            return Meaning(ref=event.ref, reason="no command")
        action = Action(
            action_key=action_key(event.ref.connection, event.comment_id, REPLY, 0),
            ref=event.ref,
            word=word,
            argument=event.body.strip()[:LONGEST_ARGUMENT],
            actor=event.author,
            source="thread",
            comment_id=event.comment_id,
            root_comment_id=root,
            received_at=delivery.received_at,
        )
        nudge = await self._act(action, delivery)
        return Meaning(ref=event.ref, nudges=(nudge,), installation=event.repo.installation_id, reason="reply")

    async def _word_of_reply(self, event: CommentMade, root: str) -> str:
        """What a reply in this thread stands for; empty where nobody of ours is spoken to."""
        if await self.agents.in_thread(event.ref, root) is not None:
            return "agent"
        about = await self.findings.by_comment(event.ref, root) if is_to_us(event.body) else None
        return QUESTION if about is not None else ""

    async def _on_thread(self, event: ThreadResolved | FeedbackGiven, delivery: Delivery) -> Meaning:
        if isinstance(event, FeedbackGiven):
            return await self._thought_of(event, delivery)
        return await self._resolved(event, delivery)

    async def _resolved(self, event: ThreadResolved, delivery: Delivery) -> Meaning:
        action = Action(
            action_key=button_key(delivery.connection, delivery.delivery_id),
            ref=event.ref,
            word="thread_resolved" if event.resolved else "thread_reopened",
            actor=event.sender,
            source="thread_resolved",
            root_comment_id=event.root_comment_id,
            received_at=delivery.received_at,
        )
        nudge = await self._act(action, delivery)
        return Meaning(ref=event.ref, nudges=(nudge,), installation=event.repo.installation_id, reason=action.word)

    async def _thought_of(self, event: FeedbackGiven, delivery: Delivery) -> Meaning:
        """Written down beside the finding, and that is all: an opinion dismisses nothing."""
        finding = await self.findings.by_comment(event.ref, event.root_comment_id)
        if finding is None:
            return Meaning(ref=event.ref, reason="an emoji on no finding")
        if event.given:
            await self.votes.give(event.ref, finding.finding_id, event.feedback, delivery.received_at)
        else:
            await self.votes.take_back(finding.finding_id, event.feedback)
        return Meaning(ref=event.ref, reason=f"thumbs {event.feedback.vote} on finding {finding.number}")

    async def _pressed(self, event: ButtonPressed | RerunRequested, delivery: Delivery) -> Meaning:
        """A button names our run, and that alone is believed; a re-run of all checks names only the head."""
        ref = await self._asked_for(event)
        if ref is None:
            return Meaning(reason="the check is not of a run of ours")
        word = event.button if isinstance(event, ButtonPressed) else "review"
        action = Action(
            action_key=button_key(delivery.connection, delivery.delivery_id),
            ref=ref,
            word=word,
            actor=event.sender,
            source="button",
            received_at=delivery.received_at,
        )
        nudge = await self._act(action, delivery)
        return Meaning(ref=ref, nudges=(nudge,), installation=event.repo.installation_id, reason=f"button {word}")

    async def _asked_for(self, event: ButtonPressed | RerunRequested) -> PullRequestRef | None:
        run = await self.runs.get(event.run_id) if event.run_id else None
        if isinstance(event, RerunRequested):
            if event.ref is not None:
                await self.repositories.ensure(event.repo)
                return event.ref
            run = run or await self.runs.of_head(event.repo.connection, event.repo.repo_id, event.head_sha)
        return run.ref if run is not None and run.ref.repo_id == event.repo.repo_id else None

    async def _queued(self, event: MergeQueued, delivery: Delivery) -> Meaning:
        action = Action(
            action_key=button_key(delivery.connection, delivery.delivery_id),
            ref=event.ref,
            word="merge_queue",
            argument=event.head_sha,
            actor=Person(user_id="", login="merge queue", is_bot=True),
            source="merge_queue",
            received_at=delivery.received_at,
        )
        nudge = await self._act(action, delivery)
        return Meaning(ref=event.ref, nudges=(nudge,), installation=event.repo.installation_id, reason="merge queue")

    async def _by_operator(
        self, event: StopPressed | ReviewAsked | FixesAsked | RuleDecided, delivery: Delivery
    ) -> Meaning:
        """Who may was settled where it was asked."""
        match event:
            case StopPressed():
                word, argument = "stop", event.agent_id
            case RuleDecided():
                word, argument = "rule", f"R{event.rule} {'on' if event.on else 'off'}"
            case ReviewAsked():
                word, argument = "again" if event.run_id else "backfill", event.run_id
            case FixesAsked():
                word, argument = "fix", event.run_id
        action = Action(
            action_key=button_key(delivery.connection, delivery.delivery_id),
            ref=event.ref,
            word=word,
            argument=argument,
            actor=event.by,
            source="cli" if word == "backfill" else "dashboard",
            received_at=delivery.received_at,
        )
        nudge = await self._act(action, delivery)
        repo = await self.repositories.get(event.ref.connection, event.ref.repo_id)
        installation = repo.installation_id if repo is not None else ""
        return Meaning(ref=event.ref, nudges=(nudge,), installation=installation, reason=f"operator: {word}")

    async def _act(self, action: Action, delivery: Delivery) -> Nudge:
        await self.actions.record(action)
        return Nudge(kind="action", delivery_id=delivery.delivery_id, action_key=action.action_key)

    async def _installation(self, event: InstallationChanged) -> Meaning:
        connection, installation = event.connection, event.installation_id
        if event.change == "deleted":
            await self.repositories.remove(connection, installation, None)
        elif event.removed_repo_ids:
            await self.repositories.remove(connection, installation, event.removed_repo_ids)
        if event.change in {"suspended", "unsuspended"}:
            await self.repositories.set_suspended(connection, installation, event.change == "suspended")
        # The event names repositories without their default branch: the chore reads what there is, and what is open.
        chore = "" if event.change in {"deleted", "suspended"} else "reconcile"
        return Meaning(reason=f"installation {event.change}", chore=chore)
