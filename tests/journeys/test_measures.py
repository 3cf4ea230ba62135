"""How reviews went: what is written when a pull request ends, and a bug that got through is traced back."""

import asyncio

import httpx
import pytest

from app.demo import shop as samples
from app.domain.measures import Judged
from app.domain.pull_request import Permission, PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.measures import run_measures
from tests.journeys.conftest import Shop
from tests.store.samples import NOW

REFUNDS, LABELS = samples.SAMPLES[:2]
TAUGHT = "Every client of a provider names its timeout"
CODE = "billing/refunds.py"
BUGGY = str(REFUNDS.changes[CODE])
LINES = ('        self.issue_refund(event["order"])\n', '        self.events.store(event["id"])\n')


async def measured(shop: Shop, *pull_requests: FakePullRequest) -> dict[int, tuple[Judged, ...]]:
    """The fates of the findings of each, once all of them were measured."""
    running = shop.system.running
    assert running.turns is not None
    await running.turns.run_chore("measure")
    async with asyncio.timeout(60):
        while len(rows := await running.store.measures.since(NOW, None)) < len(pull_requests):
            await asyncio.sleep(0.1)
    return {one.ref.number: judged for one, judged in rows}


async def test_the_end_of_a_pull_request_is_measured_and_an_escaped_bug_is_found(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    refunds = await shop.open(REFUNDS)
    await shop.reviewed(refunds)
    assert len(refunds.threads) == 2
    await refunds.push({CODE: BUGGY.replace("timeout=2000", "timeout=2")})
    await shop.reviewed(refunds)
    for person, role in (("ada", Permission.WRITE), ("eve", Permission.READ)):
        shop.repo.set_role(person, role)
        await refunds.comment_on_line("billing/client.py", 13, f"{TAUGHT}, says {person}.", by=person)
    await refunds.merge(method="squash")
    fix_sha = await shop.repo.commit(
        {CODE: BUGGY.replace("timeout=2000", "timeout=2").replace("".join(LINES), "".join(reversed(LINES)))},
        message="Fix refunds that are paid twice",
    )
    labels = await shop.open(LABELS)
    await shop.reviewed(labels)
    await labels.merge()
    await shop.system.quiet()

    fates = await measured(shop, refunds, labels)
    posted = {one.number: (one.fate, one.how) for one in fates[refunds.number] if one.posted}
    assert posted == {1: ("ignored", ""), 3: ("acted_on", "mended")}
    assert fates[labels.number] == ()
    store = shop.system.running.store
    measures = {one.ref.number: one for one, _ in await store.measures.since(NOW, None)}
    assert measures[refunds.number].control_lines > 0
    assert measures[refunds.number].control_changed == 0
    assert (measures[refunds.number].state, measures[refunds.number].reviews) == ("merged", 2)
    async with asyncio.timeout(30):
        while not (escapes := await store.measures.escapes_since(NOW, None)):
            await asyncio.sleep(0.1)
    ref = PullRequestRef(connection="github", repo_id=shop.repo.repo_id, number=refunds.number)
    assert [(one.ref, one.fix_sha) for one in escapes] == [(ref, fix_sha)]
    assert await store.measures.unmeasured(limit=10) == []
    (rule,) = await store.rules.of("github", shop.repo.repo_id)
    assert (rule.text, rule.state, rule.proposed_by) == (f"{TAUGHT}, says ada.", "proposed", "ada")

    running = shop.system.running
    assert running.new_link is not None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as browser:
        await browser.get(running.new_link())
        page = (await browser.get(f"/measures?repo=github/{shop.repo.repo_id}&last=7")).text
        assert "2 reviewed pull requests closed, 2 merged" in page
        assert "Fix refunds that are paid twice" in page
        for page in ("/measures", "/rules"):
            assert (await browser.get(f"{page}?repo=github/7")).status_code == 404

    home = shop.system.settings.home
    capsys.readouterr()
    assert await asyncio.to_thread(run_measures, last="30d", repo=samples.REPOSITORY, as_json=False, home=home) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 reviewed pull requests closed in the last 30d, 2 of them merged."
    assert "  acted on        50%  1 of 2" in lines
    assert "  escaped bugs   1" in lines
