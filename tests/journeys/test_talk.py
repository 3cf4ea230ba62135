"""Replies in a finding's thread: answered once with evidence, or the finding is withdrawn and never comes back."""

import json

from pydantic import JsonValue

from app.demo import shop as samples
from app.domain.pull_request import Permission
from app.domain.talk import MOST_ANSWERS
from app.forges.fake.entities import Thread
from app.forges.fake.pull_scenario import FakePullRequest
from tests.journeys.conftest import Shop

REFUNDS = samples.SAMPLES[0]
ASKED, OBJECTED = "Why does it matter in which order they are?", "The provider dedupes, see billing/client.py."
LOOK: dict[str, JsonValue] = {"look": [{"path": "billing/events.py", "line": 1}, {"word": "PaymentClient"}]}
ANSWER: dict[str, JsonValue] = {
    "verdict": "answers",
    "text": "A crash between the two lines leaves the event unknown, @sam, so its retry pays again.",
    "evidence": [{"path": "billing/events.py", "quote": "def seen(self, event_id: str) -> bool:"}],
}
WITHDRAWAL: dict[str, JsonValue] = {
    "verdict": "withdraws",
    "text": "the provider ignores a refund that it has seen.",
    "evidence": [{"path": "billing/client.py", "quote": "class PaymentClient:"}],
}
MADE_UP: dict[str, JsonValue] = {**WITHDRAWAL, "evidence": [{"path": "billing/client.py", "quote": "if seen: return"}]}
OF_REFUNDS: dict[str, JsonValue] = {
    **ANSWER,
    "evidence": [{"path": "billing/refunds.py", "quote": "class Refunds:"}],
}


def says(shop: Shop, when: list[str], answer: dict[str, JsonValue]) -> None:
    entry: dict[str, JsonValue] = {"when": ["the reply to answer", *when], "raw": json.dumps(answer)}
    shop.system.script.answers.insert(0, entry)
    shop.system.script.write()


def said(thread: Thread) -> list[str]:
    """Our replies without their marks."""
    return [
        comment.body.partition("\n\n<!--")[0]
        for comment in thread.comments[1:]
        if comment.user.login == "corrigent[bot]"
    ]


async def reply(shop: Shop, reviewed: FakePullRequest, thread: Thread, text: str, *, by: str = "maria") -> list[str]:
    """The emoji on a reply once everything that it led to is done."""
    comment = reviewed.reply(thread, text, by=by)
    await shop.system.quiet()
    return [reaction.content for reaction in comment.reactions]


async def review(shop: Shop) -> FakePullRequest:
    """After all that the model will say is written: its script is read once."""
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    return pull_request


async def test_a_question_is_answered_from_code_that_the_model_asked_to_see(shop: Shop) -> None:
    says(shop, [ASKED, "class EventLog:"], ANSWER)
    says(shop, [ASKED, "ask to see more 2"], LOOK)
    reviewed = await review(shop)
    first, second = reviewed.threads
    assert await reply(shop, reviewed, first, ASKED) == ["eyes"]
    (answer,) = said(first)
    assert answer.startswith("A crash between the two lines leaves the event unknown, `@sam`, so its retry pays again.")
    assert answer.endswith("See `billing/events.py:11`.")
    assert said(second) == []
    assert [thread.resolved for thread in reviewed.threads] == [False, False]


async def test_an_objection_that_holds_closes_the_finding_for_good(shop: Shop) -> None:
    says(shop, [OBJECTED], WITHDRAWAL)
    shop.repo.set_role("sam", Permission.READ)
    reviewed = await review(shop)
    first = reviewed.threads[0]
    await reply(shop, reviewed, first, OBJECTED, by="sam")
    assert said(first) == [
        "You are right, the provider ignores a refund that it has seen. Withdrawn, and not raised again."
    ]
    assert first.resolved
    (check,) = reviewed.checks
    assert check.title == "1 medium · 4 files reviewed"
    await reviewed.push({"notes.md": "A note.\n"})
    await shop.reviewed(reviewed)
    assert reviewed.checks[-1].title == "1 medium · 5 files reviewed"
    assert len(reviewed.reviews) == 1
    assert len(reviewed.threads) == 2


async def test_a_withdrawal_needs_code_that_is_there(shop: Shop) -> None:
    says(shop, [OBJECTED], MADE_UP)
    reviewed = await review(shop)
    first = reviewed.threads[0]
    await reply(shop, reviewed, first, OBJECTED)
    (answer,) = said(first)
    assert answer.startswith("No answer: ")
    assert not first.resolved


async def test_in_a_gate_the_author_does_not_talk_a_blocking_finding_away(shop: Shop) -> None:
    await shop.repo.commit({".corrigent.yaml": "fail_on: high\n"})
    says(shop, [OBJECTED], WITHDRAWAL)
    pull_request = await review(shop)
    await reply(shop, pull_request, pull_request.threads[0], OBJECTED, by=REFUNDS.author)
    (answer,) = said(pull_request.threads[0])
    assert answer.endswith(
        "Finding 1 blocks this check, so somebody else with write access closes it: `/corrigent dismiss 1 wrong`."
    )
    assert pull_request.checks[-1].conclusion == "failure"


async def test_who_is_not_answered(shop: Shop) -> None:
    says(shop, [], ANSWER)
    reviewed = await review(shop)
    calls, first = shop.system.model_calls, reviewed.threads[0]
    shop.forge.user("helper[bot]")
    shop.repo.set_role("eve", Permission.NONE)
    for text, by in ((ASKED, "helper[bot]"), ("@sam what do you think?", "maria"), (ASKED, "eve")):
        assert await reply(shop, reviewed, first, text, by=by) == []
    assert (said(first), shop.system.model_calls) == ([], calls)


async def test_a_thread_has_an_end(shop: Shop) -> None:
    says(shop, [], OF_REFUNDS)
    shop.repo.set_role("machine-user", Permission.READ)
    reviewed = await review(shop)
    first = reviewed.threads[0]
    for number in range(MOST_ANSWERS + 2):
        reviewed.reply(first, f"And question {number}?", by="machine-user")
    await shop.system.quiet()
    # However they arrive: many at once do not keep each other from an answer.
    assert len(said(first)) == MOST_ANSWERS
    assert await reply(shop, reviewed, first, "Once more?", by="machine-user") == []
    assert len(said(first)) == MOST_ANSWERS
