"""The pages in a real browser: nothing is complained of, nothing is loaded from elsewhere, keys and streams work."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from app.domain.measures import Measure
from app.domain.outcomes import Outcome
from tests.web.agent_stories import Words, worked
from tests.web.browser import Tab, browser
from tests.web.conftest import Desk, serving_desk
from tests.web.stories import begin, end, see


async def test_the_pages_work_in_a_browser_and_load_nothing_from_elsewhere(
    day: Path, tmp_path: Path, chromium: str
) -> None:
    # A copy, because a run is added.
    home = shutil.copytree(day, tmp_path / "home")
    async with serving_desk(home) as desk, browser(chromium) as started:
        tab = await started.new_tab()
        await tab.open(desk.link())
        assert await tab.run("document.querySelector('h1').textContent") == "Runs"
        await _walk_with_keys(tab)
        await _watch_a_run(desk, tab)
        await _read_measures_on_a_phone(desk, tab)
        assert tab.complaints == []
        address = f"http://127.0.0.1:{desk.state.port}/"
        assert [url for url in tab.requests if not url.startswith(address)] == []


async def _walk_with_keys(tab: Tab) -> None:
    for key in "jjk":
        await tab.press(key)
    assert await tab.run("document.activeElement === document.querySelectorAll('[data-step]')[0]")
    await tab.press("j")
    opened = await tab.run("document.activeElement.pathname")
    await tab.press("Enter")
    await tab.until(f"location.pathname === '{opened}' && document.readyState === 'complete'")
    assert await tab.run("document.querySelector('#coverage') !== null")
    await tab.press("u")
    await tab.until("location.pathname === '/' && document.readyState === 'complete'")


async def _watch_a_run(desk: Desk, tab: Tab) -> None:
    """A run appears in the open list, counts on its page, and the page shows its end by itself."""
    (row,) = await desk.store.runs.page(repos=None, limit=1)
    run = await begin(desk.store, row.run.ref, head_sha="d" * 40, ago=0)
    await tab.until(f"document.getElementById('run-{run.run_id}') !== null")
    home = f"http://127.0.0.1:{desk.state.port}"
    await tab.open(f"{home}/runs/{run.run_id}")
    await desk.store.runs.set_stage(run.run_id, "checkout", now=datetime.now(UTC))
    await tab.until("document.querySelector('.stages .now')?.textContent.includes('checkout')")
    counted = await tab.run("document.querySelector('.stages [data-seconds]').textContent")
    await tab.until(f"document.querySelector('.stages [data-seconds]').textContent !== '{counted}'")
    await end(desk.store, run, Outcome.SUPERSEDED, "Superseded by abc1234")
    await tab.until("document.body.textContent.includes('Nothing was read in this run: Superseded by abc1234.')")


async def _read_measures_on_a_phone(desk: Desk, tab: Tab) -> None:
    """What a bar is about stands above it."""
    (row,) = await desk.store.runs.page(repos=None, limit=1)
    ended = Measure(ref=row.run.ref, state="merged", head_sha="d" * 40, closed_at=datetime.now(UTC), reviews=1)
    await desk.store.measures.put(ended, [])
    await tab.look(width=390)
    await tab.open(f"http://127.0.0.1:{desk.state.port}/measures")
    name, bar = (f"document.querySelector('.meters {one}').getBoundingClientRect()" for one in (".where", ".meter"))
    assert await tab.run(f"{name}.bottom <= {bar}.top && {bar}.width > 100")
    assert await tab.run("document.documentElement.scrollWidth <= window.innerWidth")


async def test_the_recording_of_a_proof_is_played_on_its_page(desk: Desk, chromium: str) -> None:
    await see(desk.store)
    agent = await worked(desk.store, Words(log="1 failed <b>"))
    screen = "document.querySelector('.player pre').textContent"
    async with browser(chromium) as started:
        tab = await started.new_tab()
        await tab.open(desk.link())
        await tab.open(f"http://127.0.0.1:{desk.state.port}/agents/{agent.agent_id}")
        # Whoever only reads sees all of it; whoever plays it does not wait for twenty seconds of silence.
        await tab.until(f"{screen} === '# head\\n1 failed <b>'")
        assert await tab.run("document.querySelector('.player strong').textContent") == "# head"
        assert await tab.run("document.querySelector('.player output').textContent") == "2.0 of 2.0 s"
        await tab.run("document.querySelector('.player select').value = '1'")
        await tab.run("document.querySelector('.player button').click()")
        assert "failed" not in await tab.run(screen)
        await tab.until(
            f"{screen}.includes('failed') && document.querySelector('.player button').textContent === 'Play'"
        )
        assert tab.complaints == []
