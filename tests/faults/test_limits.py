"""Told to stop in the middle of a review, Corrigent sends nothing before its time, and then goes on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from app.demo import shop as samples
from app.forges.fake.faults import (
    Fault,
    Refuse,
    secondary_as_abuse,
    secondary_as_text,
    secondary_with_date,
    secondary_with_reset,
    secondary_with_retry_after,
    too_many_requests,
)
from app.forges.fake.http import Answer, Request
from app.forges.fake.limits import LimitSettings
from tests.harness.stage import Inside

REVIEWS = "/repos/acme/shop/pulls/*/reviews"
WAIT = timedelta(seconds=4)


@dataclass
class Traffic:
    """When the installation's requests were sent; the App's own list of deliveries has limits of its own."""

    sent: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def observe(self, request: Request, answer: Answer) -> None:
        if request.path.startswith("/repos/") and not request.path.endswith("/installation"):
            self.sent.append((monotonic(), f"{answer.status} {request.method} {request.path}"))

    def longest_silence(self, after: str) -> float:
        at = next(number for number, (_, line) in enumerate(self.sent) if line.startswith(after))
        return self.sent[at + 1][0] - self.sent[at][0]


@pytest.fixture
def traffic(open_end: Inside) -> Traffic:
    found = Traffic()
    open_end.forge.observe(found.observe)
    return found


def in_a_while() -> datetime:
    return datetime.now(UTC) + WAIT


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda: secondary_with_retry_after(WAIT), id="retry-after"),
        # How each form is read is held by the contract of the adapters; here, what the whole product makes of one.
        # A date has whole seconds.
        pytest.param(
            lambda: secondary_with_date(in_a_while() + timedelta(seconds=1)), id="as a date", marks=pytest.mark.soak
        ),
        pytest.param(lambda: secondary_with_reset(in_a_while()), id="until the reset", marks=pytest.mark.soak),
    ],
)
async def test_a_limit_that_names_its_end_is_kept_to(
    shop: Inside, traffic: Traffic, form: Callable[[], Refuse]
) -> None:
    def limit_when_asked(request: Request, _: Answer) -> None:
        # Made late, so that the time it names is still to come.
        if request.path.endswith("/check-runs") and not limits:
            limits.append(shop.forge.fault(form(), method="POST", path=REVIEWS))

    limits: list[Fault] = []
    shop.forge.observe(limit_when_asked)
    pull_request = await shop.open()
    await shop.settled(pull_request)
    assert limits[0].happened == 1
    assert traffic.longest_silence("403 POST") >= WAIT.total_seconds() - 2
    assert len(pull_request.reviews) == 1
    assert shop.forge.limit_refusals == 0


@pytest.mark.parametrize(
    ("form", "status"),
    [
        pytest.param(secondary_as_text(), 403, id="in words"),
        pytest.param(secondary_as_abuse(), 422, id="abuse", marks=pytest.mark.soak),
        pytest.param(too_many_requests(), 429, id="bare 429", marks=pytest.mark.soak),
    ],
)
async def test_a_limit_without_an_end_is_a_minute_of_silence(
    open_end: Inside, traffic: Traffic, form: Refuse, status: int
) -> None:
    fault = open_end.forge.fault(form, method="POST", path=REVIEWS)
    pull_request = await open_end.open()
    await open_end.forge.wait_until(lambda: fault.happened, timeout=20)
    # Another pull request of the same account has to wait as well.
    other = await open_end.open(samples.SAMPLES[1])
    await open_end.forge.deliveries_answered()
    await asyncio.sleep(1.5)
    assert traffic.sent[-1][1].startswith(f"{status} POST")
    assert not other.checks
    waits = await open_end.next_attempts()
    assert len(waits) == 2
    assert min(waits) > 50, waits
    await open_end.end_all()
    assert not pull_request.reviews


async def test_the_hourly_budget_is_left_before_it_is_spent(open_end: Inside, traffic: Traffic) -> None:
    open_end.forge.set_limits(LimitSettings(per_hour=24))
    await open_end.open()
    async with asyncio.timeout(20):
        while not [wait for wait in await open_end.next_attempts() if wait > 60]:
            await asyncio.sleep(0.1)
    (wait,) = await open_end.next_attempts()
    assert 3000 < wait <= 3601
    sent = len(traffic.sent)
    await asyncio.sleep(1)
    assert len(traffic.sent) == sent
    assert open_end.forge.limit_refusals == 0
    await open_end.end_all()
