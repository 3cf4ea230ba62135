"""What the pages show, over runs that are in the store and nowhere else."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.coverage import Coverage, Reading
from app.domain.feedback import Feedback
from app.domain.findings import Evidence
from app.domain.outcomes import Outcome, decide
from app.domain.phrases import short
from app.domain.pull_request import Person, PullRequestRef
from app.domain.repo_config import ConfigProblem, RepoConfig
from app.web.access import Viewer
from app.web.pages.parts.lists import find, listed, of_pull_request
from app.web.pages.parts.rendering import Templates
from tests.harness.growth import LINEAR, growth
from tests.texts import sample
from tests.web.conftest import Desk, serving_desk
from tests.web.stories import NOW, REF, begin, end, found_at, review, see

OTHER = PullRequestRef(connection="ghes-acme", repo_id="8", number=3)


def titles(page: str) -> list[str]:
    return re.findall(r'<a class="go"[^>]*>([^<]*)</a>', page)


async def test_runs_are_listed_newest_first_with_what_was_said(desk: Desk) -> None:
    await see(desk.store)
    await see(desk.store, OTHER, full_name="acme/tools", name="Sort the tools", login="sam")
    first = await begin(desk.store, ago=120)
    await end(desk.store, first, Outcome.CLEAN, "No problems found · 2 files, 3 hunks")
    await begin(desk.store, OTHER, ago=30)
    page = await desk.text("/")
    assert titles(page) == ["Sort the tools", "Refund on retry"]
    for words in ("acme/tools 3", "sam", "running", "queued", "acme/shop 12", "4be1d07", "maria", "clean", "2 min"):
        assert words in page
    assert f'title="{first.started_at:%Y-%m-%d %H:%M:%S} UTC"' in page


async def test_the_list_is_narrowed_by_repository_and_outcome(desk: Desk) -> None:
    await see(desk.store)
    await see(desk.store, OTHER, full_name="acme/tools", name="Sort the tools")
    await end(desk.store, await begin(desk.store), Outcome.INCOMPLETE, "Incomplete")
    await begin(desk.store, OTHER)
    assert titles(await desk.text("/?repo=ghes-acme/8")) == ["Sort the tools"]
    assert titles(await desk.text("/?outcome=incomplete")) == ["Refund on retry"]
    assert titles(await desk.text("/?outcome=running")) == ["Sort the tools"]
    assert titles(await desk.text("/?repo=ghes-acme/8&outcome=incomplete")) == []
    assert len(titles(await desk.text("/?repo=&outcome=&open=&before="))) == 2
    assert '<option value="ghes-acme/8" selected>acme/tools</option>' in await desk.text("/?repo=ghes-acme/8")


async def test_the_list_is_narrowed_to_what_is_still_open(desk: Desk) -> None:
    await see(desk.store)
    run = await review(desk.store, found_at("a.py", 1), {"a.py": "x\n"})
    await see(desk.store, OTHER, full_name="acme/tools", name="Sort the tools")
    await begin(desk.store, OTHER)
    assert titles(await desk.text("/?open=some")) == ["Refund on retry"]
    assert titles(await desk.text("/?open=none")) == ["Sort the tools"]
    assert titles(await desk.text(f"/?open=some&outcome={Outcome.OPEN_FINDINGS}&repo=github/7")) == ["Refund on retry"]
    (finding,) = await desk.store.findings.of(run.ref)
    await desk.store.findings.set_state(finding.finding_id, "mended", now=NOW)
    assert titles(await desk.text("/?open=some")) == []
    assert len(titles(await desk.text("/?open=none"))) == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("outcome=nonsense", "<code>outcome=nonsense</code> cannot be asked for; use running, clean, open_findings"),
        ("open=maybe", "<code>open=maybe</code> cannot be asked for; use some, none."),
        ("repo=nowhere", "<code>repo=nowhere</code> is no repository that you may see here; choose one above."),
        ("before=yesterday", "<code>before=yesterday</code> is no run; go on with Older below the list."),
        ("open=" + "x" * 5_000, "<code>open=" + "x" * 60 + "…</code> cannot be asked for"),
        ("open=%60%3Cb%3E%60%0A", "<code>open=&#39;&lt;b&gt;&#39;</code> cannot be asked for"),
    ],
)
async def test_what_cannot_be_asked_for_is_named_with_what_can(desk: Desk, query: str, said: str) -> None:
    await see(desk.store)
    await begin(desk.store)
    answer = await desk.client.get(f"/?{query}")
    assert answer.status_code == 400
    assert said in answer.text
    assert titles(answer.text) == []


async def test_a_page_goes_on_with_the_same_filters(desk: Desk) -> None:
    await many_runs(desk, 120)
    page = await desk.text("/?open=none&outcome=running")
    older = re.search(r'<a href="([^"]+)" rel="next"', page)
    assert older is not None
    assert {"open=none", "outcome=running"} <= set(older[1].removeprefix("/?").split("&amp;"))
    assert len(await walk(desk, "/?open=none&outcome=running")) == 118


async def many_runs(desk: Desk, number: int) -> None:
    """As many runs of one pull request, one in a hundred has failed."""
    await see(desk.store)

    async def one(count: int) -> None:
        run = await begin(desk.store, head_sha=f"{count:040x}", ago=number - count)
        if count % 100 == 0:
            await end(desk.store, run, Outcome.COULD_NOT_RUN, "Could not review")

    # Together, because they are then written together.
    await asyncio.gather(*(one(count) for count in range(number)))


async def walk(desk: Desk, path: str) -> list[int]:
    """The heads on this page and all older ones, which are numbers here."""
    heads: list[int] = []
    while path:
        page = await desk.text(path)
        heads += [int(head, 16) for head in re.findall(r'class="sha" title="(\w+)"', page)]
        older = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    return heads


async def test_many_runs_are_paged_without_a_gap_and_listed_in_linear_time(desk: Desk) -> None:
    await many_runs(desk, 500)
    assert await walk(desk, "/") == list(range(499, -1, -1))
    assert await walk(desk, "/?outcome=could_not_run") == [400, 300, 200, 100, 0]
    rows = (await find(desk.store.runs, None, limit=500)).runs
    templates = Templates(lambda: NOW)

    def render(number: int) -> bytes:
        return bytes(templates.page("_rows.html", runs=[listed(row, NOW) for row in rows[:number]]).body)

    assert render(500).count(b"<tr>") == 500
    assert growth(render, 60) < LINEAR


async def test_a_viewer_sees_their_repositories_and_no_trace_of_others(desk: Desk) -> None:
    await see(desk.store)
    await see(desk.store, OTHER, full_name="acme/tools")
    mine, other = await begin(desk.store), await begin(desk.store, OTHER)
    viewer = Viewer(role="viewer", repos=((REF.connection, REF.repo_id),))
    runs = desk.store.runs
    assert [row.run.run_id for row in (await find(runs, viewer.repos)).runs] == [mine.run_id]
    assert await of_pull_request(runs, OTHER, viewer) == ()
    assert [row.run.run_id for row in await of_pull_request(runs, REF, viewer)] == [mine.run_id]
    assert await runs.row(other.run_id, viewer.repos) is None


async def test_a_run_shows_the_code_evidence_and_life_of_its_findings(desk: Desk) -> None:
    await see(desk.store)
    code = "".join(f"line {number}\n" for number in range(1, 21))
    evidence = (Evidence(kind="test", text="a new test, `test_it`, fails here"),)
    found = found_at("billing/refunds.py", 11, evidence=evidence, body="Why `it()` fails:\n\n```py\nit()\n```\n")
    run = await review(desk.store, found, {"billing/refunds.py": code})
    page = await desk.text(f"/runs/{run.run_id}")
    rows = re.findall(r'<tr class="([^"]*)"><td class="no">(\d*)</td>.*?<code>([^<]*)</code>', page)
    assert [(kind, number) for kind, number, _ in rows] == [
        ("marked added" if number == 11 else "added", str(number)) for number in range(8, 15)
    ]
    assert rows[3][2] == "line 11"
    for words in ("High", "It fails", "billing/refunds.py:11", "<code>test_it</code>", "<code>it()</code>"):
        assert words in page
    assert f"raised in {short(run.head_sha)}" in page
    assert '<pre class="quoted"><code>it()</code></pre>' in page


async def test_what_people_think_of_a_finding_stands_beside_it(desk: Desk) -> None:
    await see(desk.store)
    run = await review(desk.store, found_at("a.py", 1), {"a.py": "x\n"})
    (finding,) = await desk.store.findings.of(REF)
    given = (
        Feedback(person=Person(user_id="1", login="maria"), vote="up"),
        Feedback(person=Person(user_id="2", login="<i>sam"), vote="down"),
    )
    for one in given:
        await desk.store.votes.give(REF, finding.finding_id, one, NOW)
    assert "👎 &lt;i&gt;sam · 👍 maria" in await desk.text(f"/runs/{run.run_id}")


async def test_a_dismissed_finding_says_by_whom_and_why(desk: Desk) -> None:
    await see(desk.store)
    run = await review(desk.store, found_at("a.py", 1), {"a.py": "x\n"})
    (finding,) = await desk.store.findings.of(REF)
    await desk.store.findings.set_state(finding.finding_id, "dismissed", by="maria", why="wrong", now=NOW)
    for page in (await desk.text(f"/runs/{run.run_id}"), await desk.text("/pulls/github/7/12")):
        assert "dismissed by maria: wrong" in page
    assert "No open finding" in await desk.text(f"/runs/{run.run_id}")


async def test_what_was_not_read_is_never_hidden(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    coverage = Coverage(
        hunks={"a.py": ("h1", "h2"), "b.py": ("h3",)},
        skipped={"package-lock.json": "lock file", "data.json": "over 500 kB"},
        reviewers=("bug_hunter", "linters"),
        model_reviewers=("bug_hunter",),
        readings=(
            Reading(reviewer="bug_hunter", path="a.py", state="reviewed"),
            Reading(reviewer="linters", path="a.py", state="reviewed"),
            Reading(reviewer="linters", path="b.py", state="reviewed"),
            Reading(reviewer="bug_hunter", path="b.py", state="failed", reason="model answered with broken JSON"),
        ),
    )
    told = sample.result(
        run_id=run.run_id,
        open=(),
        held_back=(),
        coverage=coverage,
        verdict=decide(config=RepoConfig(), coverage=coverage, open_findings=()),
        config=sample.in_force(problems=(ConfigProblem(line=3, text="`fail_on: hgih` is not a severity"),)),
    )
    key = await desk.store.blobs.put_model(told)
    await end(desk.store, run, Outcome.INCOMPLETE, "Incomplete", result_key=key)
    page = await desk.text(f"/runs/{run.run_id}")
    assert "2 of 3 hunks" in page
    assert '<progress value="2" max="3" class="partial">' in page
    assert "bug_hunter: model answered with broken JSON" in page
    unread, _, skipped = page.partition("<h3>Skipped</h3>")
    assert "<code>data.json</code>" in unread
    assert "<code>b.py</code>" in unread
    assert "<code>package-lock.json</code>" in skipped
    assert "No open finding in what was read." in page
    assert "Line 3: <code>fail_on: hgih</code> is not a severity" in page
    assert "anthropic:A" in page
    assert "5 calls" in page


async def test_a_waiting_run_says_until_when(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    until = datetime.now(UTC) + timedelta(hours=2)
    await desk.store.runs.set_waiting(run.run_id, until)
    page = await desk.text(f"/runs/{run.run_id}")
    assert f"Waits until {until:%H:%M} UTC" in page
    assert "in 2 h" in page
    assert "waiting" in await desk.text("/")


async def test_a_restarted_stage_says_so(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    await desk.store.runs.set_stage(run.run_id, "checkout", now=NOW - timedelta(seconds=30))
    await desk.store.runs.set_stage(run.run_id, "model", now=NOW - timedelta(seconds=9))
    await desk.store.runs.set_stage(run.run_id, "model", attempt=2, now=NOW)
    page = await desk.text(f"/runs/{run.run_id}")
    assert re.search(r'checkout</span> <span>21</span>.*aria-current="step".*model', page, re.DOTALL)
    assert "attempt 2, worker restarted" in page


async def test_a_run_without_a_result_says_what_happened(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    await end(desk.store, run, Outcome.COULD_NOT_RUN, "Could not review · model refused the key")
    page = await desk.text(f"/runs/{run.run_id}")
    assert "Nothing was read in this run: Could not review · model refused the key." in page


async def test_a_run_whose_blobs_are_gone_is_still_shown(desk: Desk) -> None:
    await see(desk.store)
    run = await begin(desk.store)
    await desk.store.runs.set_keys(run.run_id, config_key="0" * 64, diff_key="1" * 64)
    await end(desk.store, run, Outcome.CLEAN, "No problems found", result_key="2" * 64)
    assert "No problems found" in await desk.text(f"/runs/{run.run_id}")


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'>{{7*7}}\u202e"


async def test_what_strangers_write_is_shown_and_does_nothing(desk: Desk) -> None:
    await see(desk.store, full_name="acme/<b>shop", name=HOSTILE, login="<i>maria", url="javascript:alert(3)")
    path = "a/<svg onload=alert(4)>.py"
    found = found_at(
        path,
        1,
        title=HOSTILE[:80],
        body=f"{HOSTILE}\n\n[click](javascript:alert(5)) ![i](http://evil.example/x.png) <a href=http://evil.example>a</a>",
        quote=HOSTILE,
        agent_prompt=HOSTILE,
        rule=HOSTILE,
        evidence=(Evidence(kind="quote", text=f"`{HOSTILE}`"),),
    )
    run = await review(desk.store, found, {path: f"{HOSTILE}\n"})
    (tracked,) = await desk.store.findings.of(REF)
    await desk.store.findings.set_state(tracked.finding_id, "dismissed", by="<u>sam", why=HOSTILE, now=NOW)
    await begin(desk.store, head_sha="e" * 40)
    for address in ("/", f"/runs/{run.run_id}", "/pulls/github/7/12", f"/?repo={HOSTILE}&before=<b>"):
        page = (await desk.client.get(address)).text
        assert not re.search(r"<(script>|img|svg|b>|i>|u>|a href=http)", page)
        assert not re.search(r'(href|src)="(?!/|#)', page), "a link that leads out"
        assert " onerror=alert" not in re.sub(r"&[#\w]+;[^<]*", "", page)
        assert "49" not in re.findall(r"\{\{.*?\}\}", page)
        assert "\u202e" not in page
    assert "⟨U+202E⟩" in await desk.text(f"/runs/{run.run_id}")


async def test_pages_need_no_worker_and_no_temporal(day: Path) -> None:
    """All that made these runs is down: the store alone tells the whole day."""
    async with serving_desk(day) as desk:
        assert desk.state.turns is None
        page = await desk.text("/")
        assert titles(page)[0] == "Refund on webhook retry"
        assert sorted(titles(page)[1:]) == ["Load the rate table", "Refund on webhook retry", "Rename a label"]
        # Three were opened at once: only the newest run's place in the list is certain.
        newest = re.findall(r'id="run-(\w+)"', page)[0]
        first = re.findall(r'href="/runs/(\w+)">Refund', page)[-1]
        run = await desk.text(f"/runs/{first}")
        assert "A retried webhook pays the customer twice" in run
        assert "4 of 4 hunks" in run
        assert re.search(r"checkout</span> <span>[\d.]+</span>", run)
        assert "<code>fail_on: hgih</code> is not a severity" in await desk.text(f"/runs/{newest}")
        pull_request = await desk.text(re.findall(r'href="(/pulls/[^"]+/1)"', page)[0])
        assert "dismissed by maria: wont-fix" in pull_request
        assert re.search(r"mended in [0-9a-f]{7}", pull_request)
        (incomplete,) = re.findall(r'href="(/runs/\w+)">Load the rate', page)
        assert "bug_hunter: model answered with broken JSON, twice" in await desk.text(incomplete)
