"""Fixes that a configuration asks for: each in its finding's thread, where people go on talking with the agent."""

import pytest
from pydantic import JsonValue

from app.demo import shop as samples
from app.forges.fake.entities import Thread
from tests.journeys.conftest import Shop
from tests.journeys.fixing import AGREES, MENDS_SECONDS, call, finish, need_sandbox

REFUNDS = samples.SAMPLES[0]
ONCE = """\
import unittest

from billing.refunds import Refunds


class Down:
    def refund(self, order, timeout=None):
        raise ConnectionError("down")


class Log:
    def __init__(self) -> None:
        self.stored = []

    def seen(self, event_id):
        return event_id in self.stored

    def store(self, event_id):
        self.stored.append(event_id)


class RetryTest(unittest.TestCase):
    def test_an_event_is_stored_before_it_is_paid(self):
        log = Log()
        with self.assertRaises(ConnectionError):
            Refunds(Down(), log).handle({"id": "e1", "order": "o1"})
        self.assertEqual(log.stored, ["e1"])
"""
BEFORE = '        self.issue_refund(event["order"])\n        self.events.store(event["id"])\n'
AFTER = '        self.events.store(event["id"])\n        self.issue_refund(event["order"])\n'
# First it gives up, then it asks, and with the answer it mends finding 1.
NEEDS_PEOPLE: dict[str, JsonValue] = {
    "when": ["A retried webhook pays the customer twice"],
    "steps": [
        finish("I see two ways and no reason for either."),
        call("ask", question="May an event be lost rather than paid twice?"),
        call("edit", path="billing/refunds.py", old=BEFORE, new=AFTER),
        call("write", path="tests/test_retry.py", content=ONCE),
        finish("The event is stored first.", 1, "python3 -m unittest -v tests.test_retry"),
    ],
}


# It has no idea, whatever it is told.
GIVES_UP: dict[str, JsonValue] = {
    "when": ["A retried webhook pays the customer twice"],
    "steps": [finish(f"I have no idea, {number}.") for number in range(4)],
}


def last(thread: Thread) -> str:
    return thread.comments[-1].body.partition("\n\n<!--")[0]


@pytest.fixture
async def talkative(shop: Shop) -> Shop:
    need_sandbox()
    shop.system.script.agents += [NEEDS_PEOPLE, MENDS_SECONDS]
    shop.system.script.answers.insert(0, AGREES)
    shop.system.script.write()
    await shop.repo.commit({".corrigent.yaml": "autofix: branch\n"})
    return shop


async def test_an_agent_asks_and_is_answered_in_its_finding_s_thread(talkative: Shop) -> None:
    shop = talkative
    pull_request = await shop.open(REFUNDS)
    head = pull_request.head_sha
    await shop.reviewed(pull_request)
    first, second = pull_request.threads
    assert last(second).startswith("**Finding 3 is mended and proved.**")
    assert "by hand: `git fetch origin corrigent/1-2 && git cherry-pick FETCH_HEAD`" in last(second)
    commits = await shop.repo.repository.git.commits(
        head, (await shop.repo.repository.git.refs())["refs/heads/corrigent/1-2"]
    )
    assert len(commits) == 1
    assert last(first) == (
        "No fix for finding 1: I see two ways and no reason for either. Nothing was pushed. "
        "Reply with a hint and I try again (1 of 3 used)."
    )

    pull_request.reply(first, "Losing one is bad, paying twice is worse.")
    await shop.forge.wait_until(lambda: "The agent asks" in last(first), timeout=90)
    assert "May an event be lost rather than paid twice?" in last(first)
    answer = pull_request.reply(first, "Yes, it may.")
    await shop.forge.wait_until(lambda: "mended" in last(first), timeout=90)
    await shop.system.quiet()
    assert last(first).startswith(
        "**Finding 1 is mended and proved.** +1 −1 `billing/refunds.py`, +27 `tests/test_retry.py`"
    )
    assert "Asked by maria" in last(first)
    assert [reaction.content for reaction in answer.reactions] == ["eyes", "+1"]
    assert pull_request.head_sha == head
    assert len([comment for comment in pull_request.comments if "[bot]" in comment.user.login]) == 0

    theirs = "refs/heads/corrigent/1-1-2"
    refs = await shop.repo.repository.git.refs()
    await shop.repo.commit({"more.md": "More.\n"}, branch=theirs.removeprefix("refs/heads/"), author="sam")
    await pull_request.close()
    await shop.system.quiet()
    left = await shop.repo.repository.git.refs()
    # One of our branches goes with its pull request, and one that somebody put something on stays.
    assert refs.keys() - left.keys() == {"refs/heads/corrigent/1-2"}
    assert left[theirs] != refs[theirs]


async def test_after_three_tries_a_hint_begins_nothing(shop: Shop) -> None:
    need_sandbox()
    shop.system.script.agents.append(GIVES_UP)
    shop.system.script.write()
    await shop.repo.commit({".corrigent.yaml": "autofix: branch\n"})
    pull_request = await shop.open(REFUNDS)
    await shop.reviewed(pull_request)
    thread = pull_request.threads[0]
    for used in ("Reply with a hint and I try again (1 of 3 used).", "I try again (2 of 3 used).", "(3 of 3 used)."):
        assert last(thread).endswith(used)
        hint = pull_request.reply(thread, f"Try harder than {used}")
        await shop.forge.wait_until(lambda: thread.comments[-1].user.login.endswith("[bot]"), timeout=90)
        await shop.system.quiet()
    assert last(thread) == (
        "No further try is made for finding 1 (3 of 3 used). Nothing was pushed. `/corrigent fix 1 HINT` begins anew."
    )
    assert [reaction.content for reaction in hint.reactions] == ["eyes", "confused"]
