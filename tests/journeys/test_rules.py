"""Rules, from the first word to their force: files of the default branch, what people teach, and who decides."""

import re

import httpx

from app.demo import shop as samples
from app.domain.pull_request import Permission
from app.forges.fake.pull_scenario import FakePullRequest
from tests.journeys.conftest import Shop

REFUNDS = samples.SAMPLES[0]
WHY = "wrong, the provider dedupes by event"


async def say(shop: Shop, pull_request: FakePullRequest, text: str, *, by: str = "maria") -> str:
    """The newest answer once everything is done; empty without one."""
    before = len(pull_request.comments)
    comment = pull_request.comment(text, by=by)
    await shop.forge.wait_until(lambda: len(comment.reactions) > 1, timeout=60)
    await shop.system.quiet()
    ours = [one for one in pull_request.comments[before:] if one.user.login == "corrigent[bot]"]
    return ours[-1].body.partition("\n\n<!--")[0] if ours else ""


async def press(shop: Shop, rule: str, way: str) -> None:
    """The button of a rule on the dashboard's page."""
    running = shop.system.running
    assert running.new_link is not None
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as browser:
        await browser.get(running.new_link())
        page = (await browser.get("/rules")).text
        assert f"<strong>{rule}</strong>" in page
        form = dict(re.findall(r'name="(form|press)" value="([^"]+)"', page))
        address = f"/rules/github/{shop.repo.repo_id}/{rule.removeprefix('R')}"
        assert (await browser.post(f"{address}/{way}", data={**form, "form": "forged"})).status_code == 403
        assert (await browser.post(f"{address}0/{way}", data=form)).status_code == 404
        assert (await browser.post(f"{address}/{way}", data=form)).status_code == 303
        await shop.system.quiet()
        assert "by operator" in (await browser.get("/rules")).text


async def test_a_rule_is_taught_decided_and_given_to_the_model(shop: Shop) -> None:
    shop.repo.set_role("maria", Permission.WRITE)
    shop.repo.set_role("ada", Permission.MAINTAIN)
    shop.repo.set_role("eve", Permission.READ)
    await shop.repo.commit(
        {"billing/.corrigent/rules.md": "Timeouts are in seconds.\n", "web/REVIEW.md": "No inline CSS.\n"}
    )
    taught = "MONEY-IS-IN-CENTS"
    shop.system.script.answers.insert(0, {"when": [taught, "Timeouts are in seconds."], "raw": '{"findings": []}'})
    shop.system.script.write()
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    assert "**Rules** `web/REVIEW.md` · `billing/.corrigent/rules.md`" in (pull_request.checks[-1].summary or "")
    assert pull_request.threads

    assert (await say(shop, pull_request, f"/corrigent remember {taught}", by="eve")).startswith(
        "`remember` needs write"
    )
    assert await say(shop, pull_request, f"/corrigent remember {taught}") == (
        f"R1: {taught}\n\nProposed. A maintainer puts it in force: `/corrigent rule R1 on`."
    )
    assert await say(shop, pull_request, f"/corrigent dismiss 1 {WHY}") == ""
    assert await say(shop, pull_request, "/corrigent rules", by="eve") == (
        f'Proposed:\n- R1 {taught} (maria, pull request 1)\n- R2 No bug here: "A retried webhook pays the customer '
        f'twice". The reason given: {WHY} (maria, pull request 1)\n\nA maintainer decides: `/corrigent rule R1 on`.'
    )
    await press(shop, "R1", "on")
    assert await say(shop, pull_request, "/corrigent forget R2") == ""
    assert (await say(shop, pull_request, f"/corrigent remember {taught}!", by="ada")).startswith("R1: ")
    assert "R1 MONEY-IS-IN-CENTS (maria, pull request 1; 1 said again)" in await say(
        shop, pull_request, "/corrigent rules"
    )

    other = await shop.repo.open_pull_request(title="Other", branch="other", changes={"billing/other.py": "x = 1\n"})
    await shop.reviewed(other)
    summary = other.checks[-1].summary or ""
    assert "· `R1` (learned, from pull request 1)" in summary
    assert "`R2`" not in summary
    assert '"entries": [0]' in shop.system.script.calls()[-1]
