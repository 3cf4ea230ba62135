"""The scenario reads like the story it tells, and says what happened when something did not."""

import asyncio
import time

import pytest

from app.forges.fake.scenario import FakeForge
from tests.contracts.support import CHANGED, FILE, installation

STORY = """\
#1 Refund twice (open) by maria
refunds at {head} into main
labels: billing

check Corrigent: neutral, 1 medium
  Reviewed.
  All of it.
  [Review again]

comment by sam [eyes corrigent[bot]]
  /corrigent review

review by corrigent[bot]: commented, 1 thread
  One thing.

thread on shop.py:5 (resolved by maria)
  corrigent[bot]
    Is this right?
  maria
    It is."""


async def test_a_story_tells_everything_a_visitor_sees(forge: FakeForge) -> None:
    repo = await forge.create_repo("acme/shop", files={"shop.py": FILE})
    app = await forge.install_app()
    pull = await repo.open_pull_request(
        author="maria", title="Refund twice", branch="refunds", changes={"shop.py": CHANGED}
    )
    await pull.label("billing")
    comment = pull.comment("/corrigent review", by="sam")
    pull.react(comment, "eyes", by="corrigent[bot]")
    async with installation(forge, app) as http:
        button = {"label": "Review again", "description": "Everything", "identifier": "again"}
        check = {"name": "Corrigent", "head_sha": pull.head_sha, "conclusion": "neutral", "actions": [button]}
        output = {"title": "1 medium", "summary": "Reviewed.\nAll of it."}
        await http.post("/repos/acme/shop/check-runs", json={**check, "output": output})
        thread = {"path": "shop.py", "line": 5, "body": "Is this right?"}
        review = {"body": "One thing.", "event": "COMMENT", "comments": [thread]}
        await http.post("/repos/acme/shop/pulls/1/reviews", json=review)
    pull.reply(pull.threads[0], "It is.")
    pull.resolve(pull.threads[0])
    assert pull.story() == STORY.format(head=pull.head_sha[:7])


async def test_the_same_scenario_has_the_same_hashes() -> None:
    heads: list[str] = []
    for _ in range(2):
        async with FakeForge.start() as forge:
            repo = await forge.create_repo("acme/shop", files={"shop.py": FILE})
            pull = await repo.open_pull_request(changes={"shop.py": CHANGED})
            await pull.push({"more.txt": "1\n"})
            heads.append(pull.head_sha)
    assert heads[0] == heads[1]


async def test_waiting_ends_when_it_happens_and_tells_the_story_when_it_does_not(forge: FakeForge) -> None:
    repo = await forge.create_repo("acme/shop", files={"shop.py": FILE})
    app = await forge.install_app()
    pull = await repo.open_pull_request(title="Never reviewed", changes={"shop.py": CHANGED})

    async def review_soon() -> None:
        async with installation(forge, app) as http:
            await http.post("/repos/acme/shop/pulls/1/reviews", json={"body": "Now.", "event": "COMMENT"})

    task = asyncio.create_task(review_soon())
    await forge.wait_until(lambda: pull.reviews)
    await task
    with pytest.raises(AssertionError) as failed:
        await forge.wait_until(lambda: len(pull.reviews) == 2, timeout=0.05)
    assert "#1 Never reviewed (open) by maria" in str(failed.value)
    assert "200 POST /repos/acme/shop/pulls/1/reviews" in str(failed.value)
    assert "pull_request.opened" not in str(failed.value)


async def test_many_act_at_once(forge: FakeForge) -> None:
    repo = await forge.create_repo("acme/shop", files={"shop.py": FILE})
    opened = await asyncio.gather(
        *(repo.open_pull_request(branch=f"b{at}", changes={f"{at}.txt": "1\n"}) for at in range(8))
    )
    assert sorted(pull.number for pull in opened) == list(range(1, 9))
    first = opened[0]
    await asyncio.gather(*(first.push({f"p{at}.txt": "1\n"}) for at in range(4)))
    assert first.head_sha == await repo.git.resolve("b0")


async def test_requests_are_written_down_for_budgets(forge: FakeForge) -> None:
    repo = await forge.create_repo("acme/shop", files={"shop.py": FILE})
    app = await forge.install_app()
    async with installation(forge, app) as http:
        await http.get(f"/repositories/{repo.repo_id}/pulls")
    seen = [(one.method, one.path, one.status, one.account) for one in forge.requests]
    assert seen == [
        ("POST", f"/app/installations/{app.installation_id}/access_tokens", 201, f"app/{app.app_id}"),
        ("GET", "/repos/acme/shop/pulls", 200, f"installation/{app.installation_id}"),
    ]


async def test_it_starts_at_once_and_leaves_nothing(forge: FakeForge) -> None:
    started = time.perf_counter()
    async with FakeForge.start() as other:
        folder = other.github.folder
        assert folder.is_dir()
        assert other.url != forge.url
    assert time.perf_counter() - started < 0.5
    assert not folder.exists()
