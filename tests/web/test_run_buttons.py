"""The buttons of a run's page: where they stand, what they put into the inbox, and who may press."""

import re
import shutil
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.domain.events import FixesAsked, ReviewAsked
from app.domain.outcomes import Outcome
from app.domain.pull_request import OPERATOR
from app.domain.repo_config import ConfigInForce, RepoConfig
from app.domain.runs import Run
from app.own_deliveries import OwnEvent, read_own
from tests.github.support import PEM
from tests.texts.sample import in_force, result
from tests.web.conftest import Desk, serving_desk
from tests.web.stories import NOW, REF, begin, end, found_at, review, see

CONNECTION: dict[str, JsonValue] = {
    "key": "github",
    "kind": "github",
    "web_url": "https://github.com",
    "app_id": 4711,
    "slug": "acme-corrigent",
    "private_key": PEM,
    "webhook_secret": "a secret of the App",
}
LOCKED = in_force(RepoConfig(autofix="off"), origins={"autofix": "locked"})
BOTH, ONLY_AGAIN = {"again", "fix"}, {"again"}
NOTHING = set[str]()
EVENTS = {"again": ReviewAsked, "fix": FixesAsked}
SAID = {"again": "A review of the newest head was asked for.", "fix": "Fixes for all that is open were asked for."}
REFUSED = {"again": "Only an operator asks for a review here", "fix": "Only an operator asks for fixes here"}


@pytest.fixture
async def mending(tmp_path: Path, empty_database: Path) -> AsyncGenerator[Desk]:
    """A desk where fixes can be made."""
    (tmp_path / "home").mkdir()
    shutil.copy(empty_database, tmp_path / "home" / "corrigent.db")
    async with serving_desk(tmp_path / "home", connections=[CONNECTION], model="openai:m", model_key="k") as served:
        yield served


async def with_finding(desk: Desk) -> Run:
    await see(desk.store)
    return await review(desk.store, found_at("a.py", 1), {"a.py": "go()\n"})


async def forms(desk: Desk, run: Run, query: str = "") -> Mapping[str, dict[str, str]]:
    """The hidden fields of each button on a run's page, by its name."""
    page = await desk.text(f"/runs/{run.run_id}{query}")
    found = re.findall(rf'action="/runs/{run.run_id}/(\w+)">(.*?)</form>', page, re.DOTALL)
    return {name: dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', form)) for name, form in found}


async def inbox(desk: Desk) -> list[OwnEvent]:
    rows = await desk.store.deliveries.claim(limit=5, lease=timedelta(seconds=5))
    return [read_own(row.event, row.body) for row in rows]


@pytest.mark.parametrize("button", ["again", "fix"])
async def test_a_click_is_one_row_however_often_it_is_sent(mending: Desk, button: str) -> None:
    run = await with_finding(mending)
    form = (await forms(mending, run))[button]
    asked_for = f"/runs/{run.run_id}?asked={button}"
    for _ in range(2):
        answer = await mending.client.post(f"/runs/{run.run_id}/{button}", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, asked_for)
    page = await mending.text(asked_for)
    assert SAID[button] in page
    assert '<a href="/pulls/github/7/12">here</a>' in page
    assert await forms(mending, run, f"?asked={button}") == {}
    (asked,) = await inbox(mending)
    assert isinstance(asked, EVENTS[button])
    assert (asked.ref, asked.run_id, asked.by.login) == (REF, run.run_id, "operator")


async def test_one_click_on_each_button_is_two_rows(mending: Desk) -> None:
    run = await with_finding(mending)
    for button, form in (await forms(mending, run)).items():
        await mending.client.post(f"/runs/{run.run_id}/{button}", data=form)
    assert {type(one) for one in await inbox(mending)} == {ReviewAsked, FixesAsked}


@pytest.mark.parametrize("form", ["", "wrong", "é" * 40, "x" * 5_000])
async def test_a_form_of_another_page_asks_for_nothing(desk: Desk, form: str) -> None:
    run = await with_finding(desk)
    for button, only in REFUSED.items():
        answer = await desk.client.post(f"/runs/{run.run_id}/{button}", data={"form": form})
        assert answer.status_code == 403
        assert only in answer.text
        assert (await desk.stranger.post(f"/runs/{run.run_id}/{button}", data={"form": form})).status_code == 303
        assert (await desk.client.post(f"/runs/nothing/{button}", data={"form": form})).status_code == 404
    assert await inbox(desk) == []


async def test_they_stand_on_the_newest_run_of_an_open_pull_request_that_has_ended(mending: Desk) -> None:
    older = await with_finding(mending)
    assert set(await forms(mending, older)) == BOTH
    newer = await begin(mending.store, head_sha="e" * 40, ago=1)
    assert set(await forms(mending, newer)) == NOTHING
    await end(mending.store, newer, Outcome.COULD_NOT_RUN, "Could not run")
    assert set(await forms(mending, older)) == NOTHING
    # What is open is not shown there, nor is a button for it.
    assert set(await forms(mending, newer)) == ONLY_AGAIN
    await see(mending.store, state="merged")
    assert set(await forms(mending, newer)) == NOTHING


async def test_without_an_open_finding_there_is_nothing_to_fix(mending: Desk) -> None:
    run = await with_finding(mending)
    (finding,) = await mending.store.findings.of(REF)
    await mending.store.findings.set_state(finding.finding_id, "dismissed", by="maria", why="wrong", now=NOW)
    assert set(await forms(mending, run)) == ONLY_AGAIN


@pytest.mark.parametrize(("config", "buttons"), [(LOCKED, ONLY_AGAIN), (in_force(RepoConfig(autofix="off")), BOTH)])
async def test_where_the_operator_has_locked_fixes_none_is_offered(
    mending: Desk, config: ConfigInForce, buttons: set[str]
) -> None:
    await with_finding(mending)
    found = await mending.store.findings.of(REF)
    run = await begin(mending.store, head_sha="e" * 40, ago=1)
    told = result(run_id=run.run_id, ref=run.ref, config=config, open=tuple(found), to_post=(), held_back=())
    await end(
        mending.store, run, told.verdict.outcome, "Findings", result_key=await mending.store.blobs.put_model(told)
    )
    assert set(await forms(mending, run)) == buttons


async def test_without_a_model_no_fix_is_offered(desk: Desk) -> None:
    assert set(await forms(desk, await with_finding(desk))) == ONLY_AGAIN


def test_what_an_earlier_version_left_in_the_inbox_is_read() -> None:
    asked = b'{"ref":{"connection":"github","repo_id":"7","number":12},"by":{"user_id":"","login":"operator"}}'
    assert read_own("review", asked) == ReviewAsked(ref=REF, by=OPERATOR)
