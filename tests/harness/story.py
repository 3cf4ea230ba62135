"""The stories that faults are thrown into: one for every kind of thing that Corrigent writes on a forge."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from app.demo import shop as samples
from app.forges.fake.entities import Reaction
from app.forges.fake.faults import Fault, Latency
from app.forges.fake.http import Answer, Request
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.stage import PATIENCE, Stage
from tests.harness.suggesting import FEES

REFUNDS = samples.SAMPLES[0]
SECOND = timedelta(seconds=1)
WRITES = {"POST", "PATCH", "PUT", "DELETE"}
_VARYING = re.compile(r"/(\d+|[0-9a-f]{40})(?=/|$)")


@dataclass(frozen=True)
class Write:
    """A kind of write request, and which one of its kind it was in its story."""

    method: str
    route: str
    nth: int
    mutation: bool = False

    @property
    def kind(self) -> str:
        name = f"{self.method} {self.route.removeprefix('/repos/acme/shop')}"
        return f"{name} (mutation)" if self.mutation else name


@dataclass
class Recorder:
    """Every write that a product makes, in order."""

    writes: list[Write] = field(default_factory=list[Write])
    counted: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def observe(self, request: Request, _: Answer) -> None:
        # What git fetches is asked for with POST, and written nowhere.
        if request.method not in WRITES or request.path.endswith("/git-upload-pack"):
            return
        route = route_of(request.path)
        self.counted[request.method, route] = nth = self.counted.get((request.method, route), 0) + 1
        mutation = request.path == "/graphql" and b"mutation" in request.body
        if request.path != "/graphql" or mutation:
            self.writes.append(Write(request.method, route, nth, mutation))


def route_of(path: str) -> str:
    """The path with * for numbers and hashes."""
    return _VARYING.sub("/*", path)


async def first_review(stage: Stage) -> None:
    pull_request = await stage.open(REFUNDS)
    await stage.settled(pull_request)
    assert len(pull_request.threads) == 2
    assert len(pull_request.reviews) == 1


async def a_finding_is_mended(stage: Stage) -> None:
    pull_request = await stage.open(REFUNDS)
    await stage.settled(pull_request)
    text = str(REFUNDS.changes["billing/refunds.py"]).replace("timeout=2000", "timeout=2")
    await pull_request.push({"billing/refunds.py": text})
    await stage.settled(pull_request)
    assert [thread.resolved for thread in pull_request.threads] == [False, True]


async def a_rebase_is_carried_over(stage: Stage) -> None:
    pull_request = await stage.open(REFUNDS)
    await stage.settled(pull_request)
    await stage.repo.commit({"NEWS.md": "A new shop.\n"}, author="sam")
    await pull_request.rebase()
    await stage.settled(pull_request)
    assert len(pull_request.reviews) == 1
    assert "carried over" in (pull_request.checks[-1].summary or "")


async def a_finding_is_dismissed(stage: Stage) -> None:
    pull_request = await stage.open(REFUNDS)
    await stage.settled(pull_request)
    for words in ("dismiss 1 wrong", "help"):
        comment = pull_request.comment(f"/corrigent {words}")
        await stage.forge.wait_until(_reacted(comment.reactions), timeout=PATIENCE)
        await stage.quiet()
    assert [thread.resolved for thread in pull_request.threads] == [True, False]
    assert len([comment for comment in pull_request.comments if comment.user.kind == "Bot"]) == 1


async def a_draft_is_skipped(stage: Stage) -> None:
    pull_request = await stage.open(REFUNDS, draft=True)
    await stage.settled(pull_request)
    assert [check.title for check in pull_request.checks] == ["Draft"]


async def the_head_moves_before_the_review_is_shown(stage: Stage) -> None:
    pull_request = await stage.open(REFUNDS)
    first = pull_request.head_sha
    pushing = push_when_staged(stage, pull_request)
    await stage.settled(pull_request, head_sha=first)
    await pushing
    await stage.settled(pull_request)
    assert [check.conclusion for check in pull_request.checks_of(first)] == ["cancelled"]
    assert [review.commit_id for review in pull_request.reviews] == [pull_request.head_sha]


async def a_suggestion_is_tried(stage: Stage) -> None:
    pull_request = await stage.repo.open_pull_request(title="Fees", branch="fees", changes=FEES)
    await stage.settled(pull_request)
    assert all("```suggestion" in thread.comments[0].body for thread in pull_request.threads)
    assert len(pull_request.threads) == 2


def _reacted(reactions: Sequence[Reaction]) -> Callable[[], bool]:
    return lambda: "+1" in [reaction.content for reaction in reactions]


Story = Callable[[Stage], Awaitable[None]]
STORIES: tuple[Story, ...] = (
    first_review,
    a_finding_is_mended,
    a_rebase_is_carried_over,
    a_finding_is_dismissed,
    a_draft_is_skipped,
    the_head_moves_before_the_review_is_shown,
)


class Writes(Protocol):
    """What a story wrote."""

    @property
    def writes(self) -> Sequence[Write]: ...


def kinds(written: Mapping[Story, Writes]) -> Iterator[tuple[Story, Write]]:
    """One of each kind, from the first story that has it."""
    seen: set[str] = set()
    for story, known in written.items():
        for write in known.writes:
            if write.kind not in seen:
                seen.add(write.kind)
                yield story, write


@dataclass
class OnceStaged(Fault):
    """Strikes only after a review was staged."""

    staged: bool = False

    def strikes(self, method: str, path: str) -> bool:
        return self.staged and super().strikes(method, path)


def push_when_staged(stage: Stage, pull_request: FakePullRequest) -> "asyncio.Task[None]":
    """A push between the staging and the last look at the head."""

    async def push() -> None:
        await pull_request.push({"README.md": "# Shop\n\nMore.\n"})

    return when_staged(stage, pull_request, push)


def when_staged(
    stage: Stage, pull_request: FakePullRequest, act: Callable[[], Awaitable[None]]
) -> "asyncio.Task[None]":
    """Something that happens once a review is staged; the last look at the head is held up for as long as it takes."""
    number = pull_request.number
    look = OnceStaged(Latency(SECOND), method="GET", path=f"/repos/acme/shop/pulls/{number}")
    stage.forge.server.faults.add(look)

    def note(request: Request, _: Answer) -> None:
        if request.method == "POST" and request.path.endswith(f"/pulls/{number}/reviews"):
            look.staged = True

    stage.forge.observe(note)

    async def wait_and_act() -> None:
        await stage.forge.wait_until(lambda: look.staged, timeout=PATIENCE)
        await act()

    return asyncio.create_task(wait_and_act())
