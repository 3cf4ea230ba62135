"""What people type on a pull request, and what they get for it."""

import asyncio

import pytest
from inline_snapshot import snapshot

from app.demo import shop as samples
from app.domain.pull_request import Permission
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.scripts import CALLS
from tests.journeys.conftest import Shop, told

REFUNDS, LABELS = samples.SAMPLES[:2]


@pytest.fixture
async def reviewed(shop: Shop) -> FakePullRequest:
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    return pull_request


async def say(shop: Shop, pull_request: FakePullRequest, text: str, *, by: str = "maria") -> list[str]:
    """The emoji on a comment once everything that it led to is done."""
    comment = pull_request.comment(text, by=by)
    await shop.forge.wait_until(lambda: len(comment.reactions) > 1, timeout=60)
    await shop.system.quiet()
    return [reaction.content for reaction in comment.reactions]


def answers(pull_request: FakePullRequest) -> list[str]:
    ours = (comment for comment in pull_request.comments if "[bot]" in comment.user.login)
    return [comment.body.partition("\n\n<!--")[0] for comment in ours]


async def test_dismissing_closes_the_thread_and_updates_the_check_at_once(
    shop: Shop, reviewed: FakePullRequest
) -> None:
    calls = shop.system.model_calls
    assert await say(shop, reviewed, "/corrigent dismiss 1 accepted-risk, the provider dedupes") == ["eyes", "+1"]
    assert [thread.resolved for thread in reviewed.threads] == [True, False]
    (check,) = reviewed.checks
    assert (check.conclusion, check.title) == ("neutral", "1 medium · 4 files reviewed")
    assert answers(reviewed) == []
    assert shop.system.model_calls == calls


async def test_a_dismissed_finding_never_returns(shop: Shop, reviewed: FakePullRequest) -> None:
    await say(shop, reviewed, "/corrigent dismiss 1 wrong")
    await reviewed.push({"notes.md": "A note.\n"})
    await shop.reviewed(reviewed)
    (check,) = reviewed.checks
    assert check.title == "1 medium · 5 files reviewed"
    assert len(reviewed.reviews) == 1


async def test_resolving_a_thread_is_a_dismissal_and_opening_it_again_takes_it_back(
    shop: Shop, reviewed: FakePullRequest
) -> None:
    first = reviewed.threads[0]
    reviewed.resolve(first, by="maria")
    await shop.forge.wait_until(lambda: reviewed.checks[0].title == "1 medium · 4 files reviewed")
    reviewed.unresolve(first, by="maria")
    await shop.forge.wait_until(lambda: reviewed.checks[0].title == "1 high, 1 medium · 4 files reviewed")


@pytest.mark.parametrize("role", [Permission.NONE, Permission.READ, Permission.TRIAGE])
async def test_without_write_access_nothing_is_done(shop: Shop, reviewed: FakePullRequest, role: Permission) -> None:
    shop.repo.set_role("sam", role)
    assert await say(shop, reviewed, "/corrigent dismiss 1 wrong", by="sam") == ["eyes", "confused"]
    (check,) = reviewed.checks
    assert check.title == "1 high, 1 medium · 4 files reviewed"
    assert [answer.partition(";")[0] for answer in answers(reviewed)] == ["`dismiss` needs write access to acme/shop"]


async def test_an_unknown_word_is_answered_with_the_nearest(shop: Shop, reviewed: FakePullRequest) -> None:
    assert await say(shop, reviewed, "/corrigent dismis 1") == ["eyes", "confused"]
    assert answers(reviewed) == snapshot(
        ["I do not know `dismis`. Did you mean `dismiss 1`? All words: `/corrigent help`"]
    )


async def test_help_status_and_config(shop: Shop, reviewed: FakePullRequest) -> None:
    for word in ("help", "status", "config"):
        assert await say(shop, reviewed, f"/corrigent {word}") == ["eyes", "+1"]
    assert told(reviewed).partition("comment by")[2] == snapshot("""\
 maria [eyes corrigent[bot]] [+1 corrigent[bot]]
  /corrigent help

comment by corrigent[bot]
  After `/corrigent`, at the start of a line; in a thread the number may be left out.
  ```
  review          reads what is new
  review full     reads everything
  fix 2           prepares and shows a fix; words after it are a hint
  fix             for all
  apply 2         puts it on this branch if proved; prepares it if need be
  agent TEXT      a task in words; the result is shown with its proof
  dismiss 2 why   closes for good; wrong, accepted-risk, wont-fix and later are counted as such
  remember TEXT   proposes a rule; in force once a maintainer turns it on
  forget R7       drops a rule
  rule R7 on      puts a proposed rule in force; off takes it out
  rules           what was learned here, and what is proposed
  stop            ends what runs now
  pause           no automatic reviews of this pull request
  resume          automatic reviews again
  status          where things stand
  config          what is in force and where it comes from
  help            this list
  anything else   in a finding's thread: answered once, with evidence, or the finding is withdrawn
  ```

  <!-- corrigent:v1 action=6c1beca63a1d341034fb4c0912f8a9bb5fd7be80441745d9eea726b1a9aca85e -->

comment by maria [eyes corrigent[bot]] [+1 corrigent[bot]]
  /corrigent status

comment by corrigent[bot]
  commit-1: 1 high, 1 medium · 4 files reviewed.

  Open:
  - 1 High · A retried webhook pays the customer twice `billing/refunds.py:16`
  - 2 Medium · SQL is built from text that may come from elsewhere `billing/events.py:12`
  - 3 Medium · Timeout in milliseconds, the client takes seconds `billing/refunds.py:19`

  <!-- corrigent:v1 action=261054a4cd49984cea94f9c933113eadccfeec6bc64da2dca4ce760f0b14fec5 -->

comment by maria [eyes corrigent[bot]] [+1 corrigent[bot]]
  /corrigent config

comment by corrigent[bot]
  There is no `.corrigent.yaml` on the default branch.

  | key | value | from |
  |---|---|---|
  | `review` | `every-push` | built-in |
  | `drafts` | `false` | built-in |
  | `authors.skip` | `[*[bot]]` | built-in |
  | `authors.allow` | `[]` | built-in |
  | `ignore` | `[]` | built-in |
  | `comment_at` | `medium` | built-in |
  | `comment_limit` | `8` | built-in |
  | `fail_on` | `never` | built-in |
  | `effort` | `normal` | built-in |
  | `autofix` | `off` | built-in |
  | `checks` | `[]` | built-in |
  | `setup` | `[]` | built-in |
  | `budget.pull_request` | `2.0` | built-in |
  | `budget.review` | `10.0` | built-in |
  | `budget.day` | `20.0` | built-in |
  | `limits.files` | `300` | built-in |
  | `limits.changed_lines` | `20000` | built-in |
  | `limits.file_bytes` | `500000` | built-in |
  | `language` | `en` | built-in |

  <!-- corrigent:v1 action=2f527c48582a0205cde29a0938efbd68a86af0567e42a23d123ed36c383d7361 -->

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


async def test_pause_and_resume(shop: Shop, reviewed: FakePullRequest) -> None:
    calls = shop.system.model_calls
    await say(shop, reviewed, "/corrigent pause")
    await reviewed.push({"notes.md": "A note.\n"})
    await asyncio.sleep(1.5)
    await shop.system.quiet()
    assert not reviewed.checks
    assert shop.system.model_calls == calls
    await say(shop, reviewed, "/corrigent resume")
    await shop.reviewed(reviewed)
    assert shop.system.model_calls == calls + CALLS


async def test_review_says_nothing_when_nothing_is_new_and_review_full_reads_everything(
    shop: Shop, reviewed: FakePullRequest
) -> None:
    calls = shop.system.model_calls
    assert await say(shop, reviewed, "/corrigent review") == ["eyes", "+1"]
    assert shop.system.model_calls == calls
    await say(shop, reviewed, "/corrigent review full")
    assert shop.system.model_calls == calls + CALLS
    assert len(reviewed.reviews) == 1


async def test_stop_ends_the_review(shop: Shop) -> None:
    shop.system.script.answers.insert(0, {"when": ["Refund on webhook retry"], "findings": [], "delay": 30, "times": 1})
    shop.system.script.write()
    pull_request = await shop.open(REFUNDS)
    await shop.forge.wait_until(lambda: shop.system.model_calls)
    assert await say(shop, pull_request, "/corrigent stop") == ["eyes", "+1"]
    (check,) = pull_request.checks
    assert (check.conclusion, check.title) == ("skipped", "Stopped by maria")


async def test_the_check_s_button_reviews_again(shop: Shop, reviewed: FakePullRequest) -> None:
    calls = shop.system.model_calls
    reviewed.press("again")
    await shop.forge.wait_until(lambda: shop.system.model_calls == calls + CALLS, timeout=20)
    await shop.system.quiet()
    assert len(reviewed.reviews) == 1


async def test_commands_in_code_quotes_and_by_bots_are_ignored(shop: Shop, reviewed: FakePullRequest) -> None:
    shop.forge.user("helper[bot]")
    for text in ("```\n/corrigent review full\n```", "> /corrigent review full", "`/corrigent review full`"):
        comment = reviewed.comment(text, by="maria")
        await shop.system.quiet()
        assert comment.reactions == []
    assert answers(reviewed) == []
