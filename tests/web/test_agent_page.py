"""What the pages of agents show, over rows and blobs that are in the store and nowhere else."""

import re

from sqlalchemy import select

from app.domain.agents import Agent
from app.domain.pull_request import Person
from app.store.tables import audit
from app.web.access import Viewer
from tests.web.agent_stories import HEAD, LONG, PATCH, PNG, Words, begin_agent, worked
from tests.web.conftest import Desk
from tests.web.stories import NOW, REF, found_at, review, see

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{7*7}}\u202e\x1b]0;x\x07"


async def page_of(desk: Desk, agent: Agent) -> str:
    return await desk.text(f"/agents/{agent.agent_id}")


async def test_agents_are_listed_with_what_was_asked_by_whom_and_what_came_of_it(desk: Desk) -> None:
    await see(desk.store)
    done = await worked(desk.store, Words(said="1: use a lock"))
    await begin_agent(desk.store, words="why is this slow?", kind="prompt", key="act-2")
    page = await desk.text("/agents")
    assert re.findall(r'data-step href="[^"]*">([^<]*)<', page) == ["why is this slow?", "Mend finding 1: use a lock"]
    for words in ("acme/shop 12", "Refund on retry", "maria", "queued", "proved", "$0.04"):
        assert words in page
    assert "pushed to the pull request&#39;s branch" in page
    assert f'href="/agents/{done.agent_id}"' in await desk.text("/pulls/github/7/12")


async def test_the_list_of_agents_is_paged_without_a_gap(desk: Desk) -> None:
    await see(desk.store)
    for number in range(51):
        await begin_agent(desk.store, key=f"act-{number:02}")
    first = await desk.text("/agents")
    older = re.search(r'<a href="([^"]+)" rel="next"', first)
    assert older is not None
    ids = re.findall(r'id="agent-(\w+)"', first + await desk.text(older[1]))
    assert len(set(ids)) == 51


async def test_a_run_names_the_agent_that_mends_its_finding(desk: Desk) -> None:
    await see(desk.store)
    run = await review(desk.store, found_at("a.py", 1), {"a.py": "x\n"})
    agent = await worked(desk.store)
    link = f'<a href="/agents/{agent.agent_id}">agent: proved</a>'
    assert link in await desk.text(f"/runs/{run.run_id}")
    assert "It fails" in await page_of(desk, agent)


async def test_an_agent_shows_its_conversation_change_and_proof(desk: Desk) -> None:
    await see(desk.store)
    agent = await worked(desk.store)
    page = await page_of(desk, agent)
    for words in (
        "asked by maria",
        "2 steps of 80",
        "$0.04 of $2",
        "Proved: what was red on the head is green with the fix.",
        "Pushed to the pull request&#39;s branch as 9c2e1aa.",
        '<span class="tool">run</span> <code>python3 -m unittest</code><span class="state">failed</span>',
        "A test that shows it.",
        "exit code 1 · 1.2 s",
        'alt="A picture that the agent took"',
        "step 1 · 900 tokens · anthropic:a<",
        "step 2 · openai:b<",
        "It takes over from anthropic:a (refused).",
        "<dt>by anthropic:a</dt><dd>1 step, $0.04</dd>",
        "<dt>by openai:b</dt><dd>1 step, price unknown</dd>",
    ):
        assert words in page
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td><td class="good">yes', page)
    assert [(before, after) for _, before, after in rows] == [
        ("2 refunds", "pass"),
        ("present", "gone"),
        ("–", "agrees: it mends the cause"),
    ]
    code = re.findall(r'<tr class="(\w*)"><td class="no">(\d+)</td>.*?<code>([^<]*)</code>', page)
    assert code == [
        ("", "8", "    event = parse(body)"),
        ("removed", "9", "    issue_refund(event)"),
        ("added", "9", "    store(event)"),
        ("", "10", "    done()"),
    ]
    assert 'data-feed="' not in page
    assert 'class="stop"' not in page


async def test_what_is_too_long_is_cut_with_a_way_to_the_whole(desk: Desk) -> None:
    await see(desk.store)
    agent = await worked(desk.store)
    page = await page_of(desk, agent)
    assert "2,010 characters left out" in page
    (whole,) = set(re.findall(r'left out · <a href="([^"]+)"', page))
    answer = await desk.client.get(whole)
    assert answer.text == LONG
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    given = await desk.text(f"/agents/{agent.agent_id}/calls/1/0")
    assert given == '{"command": "python3 -m unittest"}'


async def test_files_of_a_sandbox_are_never_pages(desk: Desk) -> None:
    await see(desk.store)
    base = f"/agents/{(await worked(desk.store)).agent_id}"
    for path, body in ((f"{base}/evidence/1", b"<script>alert(1)</script>"), (f"{base}/patch", PATCH)):
        answer = await desk.client.get(path)
        assert (answer.content, answer.headers["content-type"]) == (body, "text/plain; charset=utf-8")
        assert answer.headers["content-disposition"].startswith('attachment; filename="')
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    shown = await desk.client.get(f"{base}/pictures/5")
    assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")


async def test_there_is_nothing_where_there_is_nothing_to_see(desk: Desk) -> None:
    await see(desk.store)
    base = f"/agents/{(await worked(desk.store)).agent_id}"
    queued = f"/agents/{(await begin_agent(desk.store, key='act-2')).agent_id}"
    for path in (
        "/agents/nobody",
        f"{base}/messages/99",
        f"{base}/calls/2/0",
        f"{base}/calls/1/7",
        f"{base}/pictures/1",
        f"{base}/evidence/9",
        f"{queued}/patch",
        f"{queued}/evidence/0",
        "/agents/nobody/messages/0",
    ):
        assert (await desk.client.get(path)).status_code == 404, path
        assert (await desk.stranger.get(path)).status_code == 303, path


async def test_what_a_model_and_a_sandbox_say_is_shown_and_does_nothing(desk: Desk) -> None:
    await see(desk.store, name=HOSTILE)
    patch = PATCH.replace(b"store(event)", "<img src=x onerror=alert(3)>\u202e".encode())
    words = Words(
        said=HOSTILE, command=HOSTILE, printed=HOSTILE, compared=HOSTILE, reason=HOSTILE, log=HOSTILE, model=HOSTILE,
        name='../"><script>.log', patch=patch,
    )  # fmt: skip
    agent = await worked(desk.store, words)
    for address in ("/agents", f"/agents/{agent.agent_id}", "/pulls/github/7/12"):
        page = await desk.text(address)
        assert not re.search(r"<(script>|img src=x|svg)", page)
        assert not re.search(r'(href|src)="(?!/|#)', page.replace('href="https://github.com/acme', "")), address
        assert not {"\u202e", "\x1b", "\x07"} & set(page)
        assert "49" not in re.findall(r"\{\{.*?\}\}", page)
    shown = await page_of(desk, agent)
    assert "⟨U+202E⟩" in shown
    assert "⟨U+001B⟩" in shown
    for number in range(6):
        whole = (await desk.client.get(f"/agents/{agent.agent_id}/messages/{number}")).text
        assert not {"\u202e", "\x1b"} & set(whole)
    answer = await desk.client.get(re.findall(r'href="([^"]+/evidence/0)"', shown)[0].replace("&amp;", "&"))
    assert answer.headers["content-disposition"] == 'attachment; filename="_script_.log"'


async def test_an_agent_whose_blobs_are_gone_is_still_shown(desk: Desk) -> None:
    await see(desk.store)
    agent = await begin_agent(desk.store)
    await desk.store.agents.change(agent.agent_id, fix_key="1" * 64, task_key="2" * 64, conversation="3" * 64)
    page = await page_of(desk, agent)
    assert "It is no longer kept." in page
    assert (await desk.client.get(f"/agents/{agent.agent_id}/messages/0")).status_code == 404


async def test_a_viewer_sees_no_trace_of_agents_elsewhere(desk: Desk) -> None:
    await see(desk.store)
    agent = await worked(desk.store)
    elsewhere = Viewer(role="viewer", repos=((REF.connection, "8"),))
    assert await desk.store.agents.row(agent.agent_id, elsewhere.repos) is None
    assert await desk.store.agents.page(repos=elsewhere.repos) == []
    mine = await desk.store.agents.page(repos=[(REF.connection, REF.repo_id)])
    assert [row.agent.agent_id for row in mine] == [agent.agent_id]


async def test_nobody_is_named_where_nobody_asked(desk: Desk) -> None:
    await see(desk.store)
    agent = await desk.store.agents.begin(
        ref=REF, claim="auto/run/1", kind="fix", numbers=(1, 2), asked_by=Person(user_id="", login="", is_bot=True),
        delivery="suggest", head_sha=HEAD, now=NOW,
    )  # fmt: skip
    page = await page_of(desk, agent)
    assert "Mend findings 1 and 2" in page
    assert "unasked" in page


async def test_problems_of_the_environment_are_told_once_and_counted(desk: Desk) -> None:
    await see(desk.store)
    assert "No problem was reported." in await desk.text("/problems")
    for agent_id in ("01OLD", "01NEW"):
        await desk.store.environment_problems.report(
            REF.connection,
            REF.repo_id,
            fingerprint="node",
            text=f"node is missing {HOSTILE}",
            agent_id=agent_id,
            now=NOW,
        )
    page = await desk.text("/problems")
    assert re.findall(r'href="/agents/(\w+)"', page) == ["01NEW"]
    assert '<td class="number took">2</td>' in page
    assert "node is missing &lt;script&gt;" in page
    assert "acme/shop" in page


async def test_a_problem_that_was_solved_leaves_the_list_and_comes_back_when_it_happens_again(desk: Desk) -> None:
    await see(desk.store)

    async def happen() -> None:
        await desk.store.environment_problems.report(
            REF.connection, REF.repo_id, fingerprint="node", text="node is missing", agent_id="01ONE", now=NOW
        )

    await happen()
    page = await desk.text("/problems")
    (address,) = re.findall(r'action="(/problems/\w+/solved)"', page)
    (form,) = re.findall(r'name="form" value="([^"]+)"', page)
    assert (await desk.client.post(address, data={"form": "another"})).status_code == 403
    assert "/enter" in (await desk.stranger.post(address, data={"form": form})).headers["location"]
    assert "node is missing" in await desk.text("/problems")
    for _ in range(2):
        assert (await desk.client.post(address, data={"form": form})).headers["location"] == "/problems"
    assert "No problem was reported." in await desk.text("/problems")
    noted = await desk.store.db.read(lambda sql: sql.execute(select(audit.c.kind, audit.c.actor)).all())
    assert [tuple(row) for row in noted] == [("problem.solved", "operator")]
    await happen()
    assert '<td class="number took">2</td>' in await desk.text("/problems")
