"""What was there before Corrigent came, what a merge queue asks, and what a gate does."""

import hashlib
import hmac
import json

import httpx

from app.demo import shop as samples
from tests.journeys.conftest import Shop

REFUNDS, LABELS = samples.SAMPLES[:2]
GATE = "fail_on: high\n"


async def deliver(shop: Shop, event: str, payload: dict[str, object]) -> int:
    """A signed delivery, as the forge would send it."""
    body = json.dumps(payload).encode()
    key = shop.system.credentials.webhook_secret.encode()
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": hashlib.sha256(body).hexdigest()[:32],
        "X-Hub-Signature-256": f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}",
    }
    async with httpx.AsyncClient() as client:
        answer = await client.post(shop.forge.webhook_url, content=body, headers=headers)
    return answer.status_code


async def queue(shop: Shop, number: int, head_sha: str) -> None:
    head_ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{head_sha}"
    group = {"head_sha": head_sha, "head_ref": head_ref, "base_ref": "refs/heads/main", "base_sha": head_sha}
    repository = {
        "id": int(shop.repo.repo_id),
        "full_name": shop.repo.full_name,
        "name": "shop",
        "default_branch": "main",
        "private": True,
        "owner": {"login": "acme", "id": 1, "type": "Organization"},
    }
    installation = {"id": shop.system.credentials.installation_id}
    payload: dict[str, object] = {
        "action": "checks_requested",
        "merge_group": group,
        "repository": repository,
        "installation": installation,
    }
    assert await deliver(shop, "merge_group", payload) == 202


def verdicts(shop: Shop, head_sha: str) -> list[tuple[str | None, str | None]]:
    checks = shop.repo.repository.check_runs.values()
    return [(check.conclusion, check.title) for check in checks if check.head_sha == head_sha and check.conclusion]


async def test_a_merge_queue_gets_the_pull_request_s_own_verdict_without_a_model(shop: Shop) -> None:
    pull_request = await shop.open(LABELS)
    await shop.reviewed(pull_request)
    calls = shop.system.model_calls
    group = await shop.repo.commit({"merged.md": "Merged.\n"}, branch="gh-readonly-queue/main/pr-1")
    await queue(shop, 1, group)
    await shop.forge.wait_until(lambda: verdicts(shop, group))
    assert verdicts(shop, group) == [("success", "Carried over from 1")]
    assert shop.system.model_calls == calls


async def test_a_gate_blocks_high_findings_and_the_author_may_not_dismiss_them(shop: Shop) -> None:
    await shop.repo.commit({".corrigent.yaml": GATE})
    shop.repo.set_role("ann", shop.repo.repository.roles[shop.forge.user("maria").user_id])
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    (check,) = pull_request.checks
    assert (check.conclusion, check.title) == ("failure", "1 high, 1 medium · 4 files reviewed")
    pull_request.comment("/corrigent dismiss 1 wrong", by="maria")
    await shop.forge.wait_until(lambda: len(pull_request.comments) == 2)
    assert pull_request.comments[-1].body.startswith("Finding 1 blocks this check and maria opened the pull request")
    pull_request.comment("/corrigent dismiss 1 wrong", by="ann")
    await shop.forge.wait_until(lambda: pull_request.checks[0].conclusion == "neutral")
    assert pull_request.checks[0].title == "1 medium · 4 files reviewed"


async def test_a_pull_request_cannot_change_its_own_reviewer(shop: Shop) -> None:
    await shop.repo.commit({".corrigent.yaml": GATE})
    changes = {**REFUNDS.changes, ".corrigent.yaml": "fail_on: never\nignore: ['**']\n"}
    pull_request = await shop.repo.open_pull_request(
        author="maria", title=REFUNDS.title, branch="sly", changes=changes, body=""
    )
    await shop.reviewed(pull_request)
    (check,) = pull_request.checks
    assert check.conclusion == "failure"
    assert "This pull request changes it: valid, takes effect once merged" in (check.summary or "")


async def test_a_typo_never_removes_a_gate(shop: Shop) -> None:
    await shop.repo.commit({".corrigent.yaml": GATE})
    first = await shop.open(LABELS)
    await shop.reviewed(first)
    await shop.repo.commit({".corrigent.yaml": "fail_on: hgih\n"})
    second = await shop.open(REFUNDS)
    await shop.reviewed(second)
    (check,) = second.checks
    assert check.conclusion == "failure"
    assert "`fail_on: hgih` is not a severity" in (check.summary or "")


async def test_what_was_open_before_the_first_day_stays_unreviewed_until_it_changes(shop: Shop) -> None:
    forge = shop.forge
    forge.webhook_url = ""
    old_repo = await forge.create_repo("acme/old", files=samples.BASE)
    pull_request = await old_repo.open_pull_request(
        author="maria", title=LABELS.title, branch=LABELS.branch, changes=LABELS.changes, body=""
    )
    forge.webhook_url = shop.forge_hook
    forge.change_repositories(shop.system.credentials.installation_id, add=[old_repo])
    await forge.wait_until(lambda: any("/acme/old/pulls" in seen.path for seen in forge.requests))
    await shop.system.quiet()
    assert not pull_request.checks
    await pull_request.push({"more.md": "More.\n"})
    await shop.reviewed(pull_request)
    assert [check.conclusion for check in pull_request.checks] == ["success"]
