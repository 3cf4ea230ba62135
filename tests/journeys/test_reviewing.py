"""What happens on a pull request, told as its author sees it."""

import asyncio
import gc

import pytest
from inline_snapshot import snapshot

from app.demo import shop as samples
from app.forges.fake.outbox import HookRule
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.scripts import CALLS, CLEAN_CALLS
from tests.journeys.conftest import Shop, told

REFUNDS, LABELS, RATES = samples.SAMPLES[:3]


def notifications(pull_request: FakePullRequest) -> int:
    """What lands in people's inboxes: reviews, comments and replies of ours."""
    return len(pull_request.reviews) + len(pull_request.comments)


async def test_an_opened_pull_request_gets_one_review_and_a_check(shop: Shop) -> None:
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    assert told(pull_request) == snapshot("""\
#1 Refund on webhook retry (open) by maria
refund-on-retry at commit-1 into main

check Corrigent: neutral, 1 high, 1 medium · 4 files reviewed
  Reviewed commit-1 against main commit-2 · 4 of 4 hunks · 0.0 s · $0 · effort normal

  - **Open** 1 High `refunds.py:16` · 3 Medium `refunds.py:19`
  - **Held back** 1 medium (hint of an analyser)
  - **Not reviewed** nothing
  - **Config** no `.corrigent.yaml`, defaults
  - **Analysers** ruff 0.0.0, ty 0.0.0, ast-grep 0.0.0, secret scan
  - **Models** scripted:script.json (5 passes, kept at 2 votes, then checked, 6 requests)
  - **Run** ID-1

  **Held back**
  - 2 Medium · SQL is built from text that may come from elsewhere `billing/events.py:12` (hint of an analyser)
  [Fix all] [Review again]

review by corrigent[bot]: commented, 2 threads
  **1 high, 1 medium** in 4 files, all reviewed.
  | | finding | |
  |---|---|---|
  | 1 High | A retried webhook pays the customer twice | `billing/refunds.py:16` |
  | 3 Medium | Timeout in milliseconds, the client takes seconds | `billing/refunds.py:19` |

  `/corrigent apply 1` mends and pushes if proved · `/corrigent dismiss 1 why` closes it for good · or just ask in the thread.
  <sub>commit-1 · 1 medium finding held back: see the check</sub>
  <!-- corrigent:v1 run=ID-1 -->

thread on billing/refunds.py:16
  corrigent[bot]
    **High · 1 · A retried webhook pays the customer twice**

    `issue_refund()` runs before the event id is stored. If the process dies in between, the provider sends the event again and the refund is issued again.

    Found by 5 of 5 passes.

    <details><summary>For your coding agent</summary>

    In billing/refunds.py store the event id before the provider is called, as it was before this change. Show it with a test that delivers one event twice. Do not change the public signature.

    </details>

    <!-- corrigent:v1 finding=ID-2 run=ID-1 -->

thread on billing/refunds.py:19
  corrigent[bot]
    **Medium · 3 · Timeout in milliseconds, the client takes seconds**

    `PaymentClient.refund` hands its timeout to `urlopen`, which takes seconds: this waits for 33 minutes.

    Found by 5 of 5 passes.

    <details><summary>For your coding agent</summary>

    In billing/refunds.py pass the timeout in seconds: `timeout=2`.

    </details>

    <!-- corrigent:v1 finding=ID-3 run=ID-1 -->\
""")


async def test_a_clean_pull_request_gets_a_green_check_and_no_word(shop: Shop) -> None:
    pull_request = await shop.open(LABELS)
    await shop.reviewed(pull_request)
    assert told(pull_request) == snapshot("""\
#1 Rename a label (open) by sam
rename-a-label at commit-1 into main

check Corrigent: success, No problems found · 2 files, 2 hunks
  Reviewed commit-1 against main commit-2 · 2 of 2 hunks · 0.0 s · $0 · effort normal

  - **Open** nothing
  - **Not reviewed** nothing
  - **Config** no `.corrigent.yaml`, defaults
  - **Analysers** ruff 0.0.0, ty 0.0.0, ast-grep 0.0.0, secret scan
  - **Models** scripted:script.json (5 passes, kept at 2 votes, 5 requests)
  - **Run** ID-1
  [Review again]\
""")
    assert notifications(pull_request) == 0


async def test_a_model_that_cannot_be_understood_is_never_a_green_check(shop: Shop) -> None:
    pull_request = await shop.open(RATES)
    await shop.reviewed(pull_request)
    (check,) = pull_request.checks
    assert (check.conclusion, check.title) == ("neutral", "Incomplete · 2 of 2 files not reviewed")
    assert "model answered with broken JSON, twice" in (check.summary or "")


async def test_a_rebase_costs_no_model_call_and_no_comment(shop: Shop) -> None:
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    before = (shop.system.model_calls, notifications(pull_request))
    await shop.repo.commit({"docs.md": "Unrelated.\n"}, branch="main", author="sam")
    await pull_request.rebase()
    await shop.reviewed(pull_request)
    (check,) = pull_request.checks_of(pull_request.head_sha)
    assert (check.conclusion, check.title) == ("neutral", "1 high, 1 medium · 4 files reviewed")
    assert "carried over" in (check.summary or "")
    assert (shop.system.model_calls, notifications(pull_request)) == before


async def test_every_delivery_twice_changes_nothing(shop: Shop) -> None:
    shop.forge.script_deliveries(HookRule("duplicate", count=1000))
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    assert (len(pull_request.reviews), len(pull_request.checks), shop.system.model_calls) == (1, 1, CALLS)


# A branch is quiet after two seconds: no machine is so slow that a push among others comes later than that.
@pytest.mark.parametrize("time_scale", [0.1])
async def test_a_burst_of_pushes_becomes_one_review_of_the_last_head(shop: Shop) -> None:
    pull_request = await shop.open(LABELS)
    await shop.reviewed(pull_request)
    for number in range(5):
        await pull_request.push({"shop/labels.py": f"LABELS = {{'order': '{number}'}}\n"})
        await asyncio.sleep(0.1)
    await shop.reviewed(pull_request)
    assert shop.system.model_calls == 2 * CLEAN_CALLS
    assert len([seen for seen in shop.forge.requests if seen.method == "POST" and "check-runs" in seen.path]) == 2


async def test_a_push_during_the_review_supersedes_it(shop: Shop) -> None:
    shop.system.script.answers.insert(0, {"when": ["Refund on webhook retry"], "findings": [], "delay": 30, "times": 1})
    shop.system.script.write()
    pull_request = await shop.open(REFUNDS)
    first = pull_request.head_sha
    await shop.forge.wait_until(lambda: shop.system.model_calls)
    await pull_request.push({"README.md": "More.\n"})
    await shop.reviewed(pull_request)
    (old,) = pull_request.checks_of(first)
    assert (old.conclusion, old.title) == ("cancelled", f"Superseded by {pull_request.head_sha[:7]}")
    assert len(pull_request.reviews) == 1
    # What is over as it was meant to be worries nobody who reads the log.
    gc.collect()
    assert '"level": "error"' not in (shop.system.settings.home / "corrigent.log").read_text()


async def test_closing_during_the_review_completes_the_check(shop: Shop) -> None:
    shop.system.script.answers.insert(0, {"when": ["Refund on webhook retry"], "findings": [], "delay": 30, "times": 1})
    shop.system.script.write()
    pull_request = await shop.open(REFUNDS)
    await shop.forge.wait_until(lambda: shop.system.model_calls)
    await pull_request.close()
    await shop.reviewed(pull_request)
    (check,) = pull_request.checks
    assert (check.conclusion, check.title) == ("skipped", "Closed before the review ended")
    assert notifications(pull_request) == 0


async def test_a_draft_is_left_alone_until_it_is_ready(shop: Shop) -> None:
    pull_request = await shop.open(REFUNDS, draft=True)
    await shop.reviewed(pull_request)
    assert [(check.conclusion, check.title) for check in pull_request.checks] == [("skipped", "Draft")]
    assert shop.system.model_calls == 0
    await pull_request.ready()
    await shop.forge.wait_until(lambda: pull_request.reviews, timeout=20)
    await shop.system.quiet()
    assert [check.conclusion for check in pull_request.checks] == ["skipped", "neutral"]


async def test_a_head_that_was_pushed_away_and_comes_back_is_reviewed(shop: Shop) -> None:
    shop.system.script.answers.insert(0, {"when": ["Refund on webhook retry"], "findings": [], "delay": 30, "times": 1})
    shop.system.script.write()
    pull_request = await shop.open(REFUNDS)
    first = pull_request.head_sha
    await shop.forge.wait_until(lambda: shop.system.model_calls)
    await pull_request.force_push({"README.md": "Something else.\n"})
    await shop.reviewed(pull_request)
    await pull_request.reset_to(first)
    await shop.forge.wait_until(lambda: pull_request.reviews, timeout=20)
    await shop.system.quiet()
    assert [check.conclusion for check in pull_request.checks_of(first)] == ["cancelled", "neutral"]
    assert len(pull_request.reviews) == 1


async def test_ten_pushes_without_a_new_finding_notify_nobody(shop: Shop) -> None:
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    before = notifications(pull_request)
    for number in range(10):
        await pull_request.push({f"notes/{number}.md": "A note.\n"})
        await shop.reviewed(pull_request)
    assert notifications(pull_request) == before
    (check,) = pull_request.checks_of(pull_request.head_sha)
    assert check.title == "1 high, 1 medium · 14 files reviewed"


async def test_a_mended_finding_is_resolved_without_a_word(shop: Shop) -> None:
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    before = notifications(pull_request)
    shop.system.script.answers.insert(0, {"when": ["timeout=2)"], "findings": [samples.TWICE]})
    shop.system.script.write()
    text = str(REFUNDS.changes["billing/refunds.py"]).replace("timeout=2000", "timeout=2")
    await pull_request.push({"billing/refunds.py": text})
    await shop.reviewed(pull_request)
    assert [thread.resolved for thread in pull_request.threads] == [False, True]
    assert notifications(pull_request) == before
    (check,) = pull_request.checks_of(pull_request.head_sha)
    assert check.title == "1 high · 4 files reviewed"
