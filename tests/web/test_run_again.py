"""The button that has a pull request reviewed again: where it stands, what it puts into the inbox, and who may press."""

import re
from datetime import timedelta

import pytest

from app.domain.events import ReviewAsked
from app.domain.outcomes import Outcome
from app.domain.runs import Run
from app.own_deliveries import OwnEvent, read_own
from tests.web.conftest import Desk
from tests.web.stories import REF, begin, end, see


async def ended(desk: Desk) -> Run:
    await see(desk.store)
    run = await begin(desk.store)
    await end(desk.store, run, Outcome.INCOMPLETE, "Incomplete")
    return run


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))


async def inbox(desk: Desk) -> list[OwnEvent]:
    rows = await desk.store.deliveries.claim(limit=5, lease=timedelta(seconds=5))
    return [read_own(row.event, row.body) for row in rows]


async def test_a_click_is_one_row_however_often_it_is_sent(desk: Desk) -> None:
    run = await ended(desk)
    form = fields(await desk.text(f"/runs/{run.run_id}"))
    asked_for = f"/runs/{run.run_id}?again=asked"
    for _ in range(2):
        answer = await desk.client.post(f"/runs/{run.run_id}/again", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, asked_for)
    page = await desk.text(asked_for)
    assert "A review of the newest head was asked for." in page
    assert fields(page) == {}
    (asked,) = await inbox(desk)
    assert isinstance(asked, ReviewAsked)
    assert (asked.ref, asked.run_id, asked.by.login) == (REF, run.run_id, "operator")


@pytest.mark.parametrize("form", ["", "wrong", "é" * 40, "x" * 5_000])
async def test_a_form_of_another_page_asks_for_nothing(desk: Desk, form: str) -> None:
    run = await ended(desk)
    answer = await desk.client.post(f"/runs/{run.run_id}/again", data={"form": form})
    assert answer.status_code == 403
    assert "Only an operator asks for a review here" in answer.text
    assert (await desk.stranger.post(f"/runs/{run.run_id}/again", data={"form": form})).status_code == 303
    assert (await desk.client.post("/runs/nothing/again", data={"form": form})).status_code == 404
    assert await inbox(desk) == []


async def test_it_stands_on_the_newest_run_of_an_open_pull_request_that_has_ended(desk: Desk) -> None:
    older = await ended(desk)
    assert fields(await desk.text(f"/runs/{older.run_id}"))
    newer = await begin(desk.store, head_sha="e" * 40, ago=1)
    assert fields(await desk.text(f"/runs/{newer.run_id}")) == {}
    await end(desk.store, newer, Outcome.CLEAN, "No problems found")
    assert fields(await desk.text(f"/runs/{older.run_id}")) == {}
    assert fields(await desk.text(f"/runs/{newer.run_id}"))
    await see(desk.store, state="merged")
    assert fields(await desk.text(f"/runs/{newer.run_id}")) == {}
