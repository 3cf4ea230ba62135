"""Buttons of the pages do what the commands do, by way of the inbox: an agent is stopped, a review is made again."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
from pydantic import JsonValue
from sqlalchemy import select

from app.demo import shop as samples
from app.store.tables import audit
from tests.journeys.conftest import Shop
from tests.journeys.fixing import call, need_sandbox, said

ASKS: dict[str, JsonValue] = {"when": ["Which way is better?"], "steps": [call("ask", question="Better for whom?")]}


@asynccontextmanager
async def browser_of(shop: Shop) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody whom the printed link let in."""
    running = shop.system.running
    assert running.new_link is not None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as browser:
        await browser.get(running.new_link())
        yield browser


async def press(browser: httpx.AsyncClient, page: str, button: str) -> None:
    """Once the page has buttons: a run's come when it ended in the store, a moment after its check on the forge."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(30):
        while not fields:
            fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', (await browser.get(page)).text))
            await asyncio.sleep(0.02)
    assert (await browser.post(f"{page}/{button}", data=fields)).status_code == 303


async def test_an_agent_that_waits_for_an_answer_is_stopped_on_its_page(shop: Shop) -> None:
    need_sandbox()
    shop.system.script.agents.append(ASKS)
    shop.system.script.write()
    pull_request = await shop.open(samples.SAMPLES[0])
    await shop.reviewed(pull_request)
    pull_request.comment("/corrigent agent Which way is better?", by="maria")
    await shop.forge.wait_until(
        lambda: any("Better for whom?" in one.body for one in pull_request.comments), timeout=90
    )

    running = shop.system.running
    async with browser_of(shop) as browser:
        (row,) = await running.store.agents.page(repos=None)
        page = f"/agents/{row.agent.agent_id}"
        await press(browser, page, "stop")
        await shop.system.quiet()
        shown = (await browser.get(page)).text
    assert "stopped by operator" in shown
    assert "Better for whom?" in shown
    assert 'name="form"' not in shown


async def test_a_review_is_made_again_from_its_page_once_and_audited(shop: Shop) -> None:
    pull_request = await shop.open(samples.SAMPLES[1])
    await shop.reviewed(pull_request)
    store = shop.system.running.store
    (row,) = await store.runs.page(repos=None)
    calls = shop.system.model_calls
    async with browser_of(shop) as browser:
        await press(browser, f"/runs/{row.run.run_id}", "again")
        await shop.forge.wait_until(lambda: shop.system.model_calls == 2 * calls, timeout=90)
        await shop.system.quiet()
        newest, first = await store.runs.page(repos=None)
        assert (first.run.run_id, newest.run.head_sha) == (row.run.run_id, pull_request.head_sha)
        assert newest.run.outcome == first.run.outcome
        # It is not offered, as nothing is open: whoever has an old page open presses it all the same.
        await press(browser, f"/runs/{newest.run.run_id}", "fix")
        await shop.system.quiet()
    assert pull_request.reviews == []
    assert said(pull_request) == []
    noted = await store.db.read(
        lambda sql: sql.execute(select(audit).where(audit.c.kind == "command")).mappings().all()
    )
    assert [(one["actor"], one["detail"]["word"], one["detail"]["argument"]) for one in noted] == [
        ("operator", "again", row.run.run_id),
        ("operator", "fix", newest.run.run_id),
    ]
