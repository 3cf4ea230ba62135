"""An agent at work as an open page is told of it: words, calls, a repeated try taken back, the end; and its stop."""

import json
import re
from datetime import timedelta

import pytest

from app.domain.conversation import Opening
from app.domain.errors import MalformedDelivery
from app.domain.events import StopPressed
from app.domain.names import OWN_CONNECTION
from app.own_deliveries import read_own
from app.store.agents import stream_of
from autofix.live import OUTPUT, RESULT, TEXT, TOOL, StoredLive
from tests.web.agent_stories import Words, begin_agent, end_with_fix, say
from tests.web.browser import browser
from tests.web.conftest import Desk
from tests.web.stories import NOW, REF, see
from tests.web.test_live import listening


async def test_an_agent_is_told_word_by_word_and_a_repeated_try_is_taken_back(desk: Desk) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    head = await say(desk.store, agent, Opening(instructions="", text="Mend it."))
    stream = stream_of(agent.agent_id)
    first = StoredLive(desk.store.streams, stream, attempt=1, clock=lambda: NOW)
    await first.mark(head)
    first.say(TEXT, "I look <b>around</b>.")
    await first.close()
    page = await desk.text(f"/agents/{agent.agent_id}")
    assert "I look &lt;b&gt;around&lt;/b&gt;." in page
    assert 'role="log"' in page
    (address,) = re.findall(r'data-feed="([^"]+)"', page)
    async with listening(desk, address) as watched:
        first.say(TOOL, json.dumps({"call_id": "c", "tool": "run", "arguments": '{"command": "make <test>"}'}))
        first.say(OUTPUT, "collected <3> items\n")
        first.say(RESULT, json.dumps({"call_id": "c", "tool": "run", "failed": True, "text": "1 failed\x1b"}))
        await first.close()
        assert "make &lt;test&gt;" in (await watched.until('class="tool"')).data
        assert "collected &lt;3&gt; items" in (await watched.until("terminal printed")).data
        assert "1 failed⟨U+001B⟩" in (await watched.until("result of")).data
        # The worker dies; another one begins again after the last step that was written down.
        second = StoredLive(desk.store.streams, stream, attempt=2, clock=lambda: NOW)
        await second.rewind(head)
        rewound = await watched.next()
        while rewound.event != "rewind":
            rewound = await watched.next()
        assert rewound.data == "1"
        assert "attempt 2, worker restarted" in (await watched.until("attempt 2")).data
        await end_with_fix(desk.store, agent, Words())
        assert "proved" in (await watched.until("pushed to the pull request")).data
        assert (await watched.next()).event == "end"
    assert "data-feed" not in await desk.text(f"/agents/{agent.agent_id}")


async def test_an_agent_that_works_again_is_followed_past_its_earlier_end(desk: Desk) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    await end_with_fix(desk.store, agent, Words())
    await desk.store.agents.reopen(agent.agent_id, NOW, attempt=2)
    (address,) = re.findall(r'data-feed="([^"]+)"', await desk.text(f"/agents/{agent.agent_id}"))
    async with listening(desk, address) as watched:
        await desk.store.agents.enter(agent.agent_id, "proving", NOW)
        assert "proving" in (await watched.next()).data


async def test_a_page_that_comes_too_late_for_the_end_is_told_of_it(desk: Desk) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    await desk.store.agents.end(agent.agent_id, "stopped", "stopped by maria", NOW)
    async with listening(desk, f"/live/agents/{agent.agent_id}?after=99") as watched:
        assert (await watched.next()).event == "end"


async def test_the_list_of_agents_is_told_of_new_ones(desk: Desk) -> None:
    await see(desk.store)
    async with listening(desk, "/live/agents") as watched:
        assert "No agents." in (await watched.next()).data
        await begin_agent(desk.store)
        assert "queued" in (await watched.until("Mend finding 1")).data


async def test_stop_is_put_into_the_inbox_with_who_pressed_it(desk: Desk) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    page = await desk.text(f"/agents/{agent.agent_id}")
    (form,) = re.findall(r'name="form" value="([^"]+)"', page)
    answer = await desk.client.post(f"/agents/{agent.agent_id}/stop", data={"form": form})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/agents/{agent.agent_id}?stop=asked")
    assert "Stop was asked for." in await desk.text(answer.headers["location"])
    (delivery,) = await desk.store.deliveries.claim(limit=5, lease=timedelta(seconds=5))
    assert delivery.connection == OWN_CONNECTION
    pressed = read_own(delivery.event, delivery.body)
    assert isinstance(pressed, StopPressed)
    assert (pressed.agent_id, pressed.ref, pressed.by.login) == (agent.agent_id, REF, "operator")


@pytest.mark.parametrize("form", ["", "wrong", "é" * 40, "x" * 5_000])
async def test_a_form_of_another_page_stops_nothing(desk: Desk, form: str) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    answer = await desk.client.post(f"/agents/{agent.agent_id}/stop", data={"form": form})
    assert answer.status_code == 403
    assert (await desk.stranger.post(f"/agents/{agent.agent_id}/stop", data={"form": form})).status_code == 303
    assert (await desk.client.get(f"/agents/{agent.agent_id}/stop")).status_code in {404, 405}
    assert await desk.store.deliveries.claim(limit=5, lease=timedelta(seconds=5)) == []


async def test_nothing_from_outside_is_read_as_ours(desk: Desk) -> None:
    answer = await desk.stranger.post(f"/hooks/{OWN_CONNECTION}", content=b"{}")
    assert answer.status_code == 404
    with pytest.raises(MalformedDelivery):
        read_own("stop", b"{}")


async def test_an_open_page_shows_what_is_printed_and_takes_back_a_repeated_try(desk: Desk, chromium: str) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    stream = stream_of(agent.agent_id)
    async with browser(chromium) as started:
        tab = await started.new_tab()
        await tab.open(desk.link())
        await tab.open(f"http://127.0.0.1:{desk.state.port}/agents/{agent.agent_id}")
        first = StoredLive(desk.store.streams, stream, attempt=1, clock=lambda: NOW)
        first.say(OUTPUT, "1 failed\n")
        await first.close()
        await tab.until("document.querySelector('.feed .printed')?.textContent === '1 failed\\n'")
        second = StoredLive(desk.store.streams, stream, attempt=2, clock=lambda: NOW)
        await second.rewind("")
        await tab.until("document.querySelector('.feed .attempt') && !document.querySelector('.feed .printed')")
        await desk.store.agents.end(agent.agent_id, "stopped", "stopped by maria", NOW)
        await tab.until("document.querySelector('[data-feed]') === null && document.readyState === 'complete'")
        assert "stopped by maria" in str(await tab.run("document.querySelector('#progress').textContent"))
        assert tab.complaints == []
