"""The limiter: no moving minute or hour ever holds more than its limit, and a refusal stops everybody."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import RateLimited
from app.forges.base import Account, LimitNotice, Limits
from app.store.budgets import CONTENT_PER_HOUR, CONTENT_PER_MINUTE, POINTS_PER_MINUTE, AccountBudget, Notice
from app.store.database import Database
from app.store.limits import LimitBuckets
from tests.store.samples import NOW, StoppedClock

ACCOUNT = Account(connection="github", installation_id="7")
OTHER = Account(connection="github", installation_id="8")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Sender:
    """Sends as the limiter tells, in a time of its own that moves while it waits."""

    limits: LimitBuckets
    clock: StoppedClock
    sent: list[datetime] = field(default_factory=list)

    async def send(self, *, points: int = 5, creates_content: bool = True) -> None:
        while True:
            try:
                await self.limits.admit(ACCOUNT, points=points, creates_content=creates_content)
            except RateLimited as limited:
                self.clock.now = limited.until
            else:
                self.sent.append(self.clock.now)
                return


@pytest.fixture
def sender(db: Database, clock: StoppedClock) -> Sender:
    async def sleep(seconds: float) -> None:
        assert 0 < seconds < 2
        clock.move(timedelta(seconds=seconds))

    return Sender(LimitBuckets(db, clock=clock, sleep=sleep), clock)


def test_the_limiter_is_what_the_forges_ask_for(sender: Sender) -> None:
    limits: Limits = sender.limits
    assert limits is sender.limits


async def test_a_burst_goes_through_at_once(sender: Sender) -> None:
    for _ in range(CONTENT_PER_MINUTE):
        await sender.send()
    assert set(sender.sent) == {NOW}
    with pytest.raises(RateLimited) as limited:
        await sender.limits.admit(ACCOUNT, points=5, creates_content=True)
    assert limited.value.kind == "ours"
    assert MINUTE <= limited.value.until - NOW <= MINUTE + timedelta(seconds=5)
    await sender.limits.admit(ACCOUNT, points=1, creates_content=False)
    await sender.limits.admit(OTHER, points=5, creates_content=True)


async def test_two_processes_share_one_budget(db: Database, migrated_url: str, clock: StoppedClock) -> None:
    other = await Database.open(migrated_url)
    limits = [LimitBuckets(one, clock=clock) for one in (db, other)]
    answers = await asyncio.gather(
        *(limits[n % 2].admit(ACCOUNT, points=5, creates_content=True) for n in range(CONTENT_PER_MINUTE + 10)),
        return_exceptions=True,
    )
    assert answers.count(None) == CONTENT_PER_MINUTE
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 10
    await other.close()


@pytest.mark.parametrize("kind", ["primary", "secondary"])
async def test_a_refusal_stops_everything_until_its_time(sender: Sender, kind: Literal["primary", "secondary"]) -> None:
    until = NOW + timedelta(minutes=7)
    await sender.limits.learn(ACCOUNT, LimitNotice(kind=kind, until=until))
    await sender.limits.learn(ACCOUNT, LimitNotice(kind=kind, until=NOW + timedelta(seconds=5)))
    with pytest.raises(RateLimited) as limited:
        await sender.limits.admit(ACCOUNT, points=1, creates_content=False)
    assert limited.value.until == until
    await sender.limits.admit(OTHER, points=1, creates_content=False)
    sender.clock.now = until
    await sender.limits.admit(ACCOUNT, points=1, creates_content=False)


async def test_a_refusal_without_a_time_is_a_minute(sender: Sender) -> None:
    await sender.limits.learn(ACCOUNT, LimitNotice(kind="secondary"))
    with pytest.raises(RateLimited) as limited:
        await sender.limits.admit(ACCOUNT, points=1, creates_content=False)
    assert limited.value.until == NOW + MINUTE


async def test_the_hour_after_a_secondary_limit_is_careful(sender: Sender) -> None:
    await sender.limits.learn(ACCOUNT, LimitNotice(kind="secondary", until=NOW + MINUTE))
    sender.clock.now = NOW + MINUTE
    for creates_content in (True, False, False, True, True):
        await sender.send(creates_content=creates_content)
    await sender.send(points=1, creates_content=False)
    seconds = [(at - NOW - MINUTE).total_seconds() for at in sender.sent]
    assert seconds == [0, 1, 2, 3, 6, 6]
    sender.clock.now = NOW + MINUTE + HOUR
    before = len(sender.sent)
    for _ in range(5):
        await sender.send()
    assert set(sender.sent[before:]) == {sender.clock.now}


async def test_a_primary_limit_is_no_reason_to_be_careful(sender: Sender) -> None:
    await sender.limits.learn(ACCOUNT, LimitNotice(kind="primary", until=NOW + MINUTE))
    sender.clock.now = NOW + MINUTE
    for _ in range(5):
        await sender.send()
    assert set(sender.sent) == {NOW + MINUTE}


async def test_the_forges_own_count_is_heeded(sender: Sender) -> None:
    reset = NOW + timedelta(minutes=30)
    await sender.limits.learn(ACCOUNT, LimitNotice(kind="headers", until=reset, remaining=23))
    for _ in range(3):
        await sender.limits.admit(ACCOUNT, points=1, creates_content=False)
    with pytest.raises(RateLimited) as limited:
        await sender.limits.admit(ACCOUNT, points=1, creates_content=False)
    assert limited.value.until == reset
    sender.clock.now = reset
    await sender.limits.admit(ACCOUNT, points=1, creates_content=False)
    # What the forge says next is of the new window.
    await sender.limits.learn(ACCOUNT, LimitNotice(kind="headers", until=reset + HOUR, remaining=4999))
    await sender.limits.admit(ACCOUNT, points=1, creates_content=False)


@pytest.mark.parametrize(
    ("told", "remaining"),
    [
        ([(30, 100), (30, 90)], 90),
        # An answer that was overtaken.
        ([(30, 90), (30, 100)], 90),
        # A new window, and a late word of the old one.
        ([(30, 90), (90, 5000)], 5000),
        ([(90, 5000), (30, 90)], 5000),
    ],
)
def test_answers_that_overtake_each_other(told: list[tuple[int, int]], remaining: int) -> None:
    budget = AccountBudget()
    for minutes, left in told:
        until = NOW + timedelta(minutes=minutes)
        budget = budget.learn(Notice(kind="headers", until=until, remaining=left), NOW)
    assert budget.primary_remaining == remaining


def most_within(sent: list[tuple[datetime, int]], span: timedelta) -> int:
    return max((sum(n for at, n in sent if start <= at < start + span) for start, _ in sent), default=0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from([(1, False), (5, False), (5, True)]), st.integers(1, 60)),
        min_size=5,
        max_size=25,
    )
)
def test_no_moving_window_is_overfull(bursts: list[tuple[float, tuple[int, bool], int]]) -> None:
    budget, now = AccountBudget(), NOW
    points: list[tuple[datetime, int]] = []
    content: list[tuple[datetime, int]] = []
    for pause, (cost, creates_content), count in bursts:
        now += timedelta(seconds=pause)
        for _ in range(count):
            at = budget.free_at(points=cost, creates_content=creates_content, now=now)
            assert at >= now
            now = at
            assert budget.free_at(points=cost, creates_content=creates_content, now=now) == now
            budget = budget.spend(points=cost, creates_content=creates_content, at=at, now=now)
            points.append((at, cost))
            if creates_content:
                content.append((at, 1))
    assert most_within(points, MINUTE) <= POINTS_PER_MINUTE
    assert most_within(content, MINUTE) <= CONTENT_PER_MINUTE
    assert most_within(content, HOUR) <= CONTENT_PER_HOUR


def test_a_steady_sender_uses_nearly_the_whole_hour() -> None:
    budget, now, sent = AccountBudget(), NOW, list[datetime]()
    while now < NOW + 3 * HOUR:
        now = budget.free_at(points=5, creates_content=True, now=now)
        budget = budget.spend(points=5, creates_content=True, at=now, now=now)
        sent.append(now)
    assert len(sent) >= 3 * CONTENT_PER_HOUR * 0.97
    assert all(later >= earlier for earlier, later in pairwise(sent))
    # Old slots are forgotten: the row stays small.
    assert len(budget.model_dump_json()) < 1500
