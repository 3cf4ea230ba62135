"""The Stop button of an agent's page ends its work as the command does, by way of the inbox."""

import re

import httpx
from pydantic import JsonValue

from app.demo import shop as samples
from tests.journeys.conftest import Shop
from tests.journeys.fixing import call, need_sandbox

ASKS: dict[str, JsonValue] = {"when": ["Which way is better?"], "steps": [call("ask", question="Better for whom?")]}


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
    assert running.new_link is not None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as browser:
        await browser.get(running.new_link())
        (row,) = await running.store.agents.page(repos=None)
        page = f"/agents/{row.agent.agent_id}"
        (form,) = re.findall(r'name="form" value="([^"]+)"', (await browser.get(page)).text)
        assert (await browser.post(f"{page}/stop", data={"form": form})).status_code == 303
        await shop.system.quiet()
        shown = (await browser.get(page)).text
    assert "stopped by operator" in shown
    assert "Better for whom?" in shown
    assert 'name="form"' not in shown
