"""What the journeys of fixes share: a scripted agent that mends a finding of the shop, and what was said of it."""

import os
import shutil

import pytest
from pydantic import JsonValue

from app.forges.fake.pull_scenario import FakePullRequest
from tests.journeys.conftest import Shop

TEST = """\
import unittest

from billing.refunds import Refunds


class Client:
    def __init__(self) -> None:
        self.timeouts = []

    def refund(self, order, timeout=None):
        self.timeouts.append(timeout)


class TimeoutTest(unittest.TestCase):
    def test_a_refund_waits_for_seconds(self):
        client = Client()
        Refunds(client, None).issue_refund("o1")
        self.assertEqual(client.timeouts, [2])
"""


# A change that a linter mends by itself.
RAISES = {
    "shop/prices.py": (
        'def price(name: str) -> int:\n    """In cents."""\n    if name == "gift":\n        raise NotImplemented\n'
        "    return len(name)\n"
    ),
    "tests/test_prices.py": (
        "import unittest\n\nfrom shop.prices import price\n\n\n"
        "class PriceTest(unittest.TestCase):\n    def test_a_book(self) -> None:\n"
        '        self.assertEqual(price("book"), 4)\n'
    ),
}


def call(tool: str, **arguments: JsonValue) -> JsonValue:
    return {"calls": [{"tool": tool, "arguments": arguments}]}


def finish(summary: str, *findings: int | str) -> JsonValue:
    """The agent's last word: what it did, which findings it mended, and the commands that show it."""
    numbers: list[JsonValue] = [one for one in findings if isinstance(one, int)]
    commands: list[JsonValue] = [one for one in findings if isinstance(one, str)]
    return call("finish", summary=summary, findings=numbers, commands=commands)


# Mends finding 3 of the shop, and shows it with a test.
MENDS_SECONDS: dict[str, JsonValue] = {
    "when": ["Timeout in milliseconds"],
    "steps": [
        call("edit", path="billing/refunds.py", old="timeout=2000", new="timeout=2"),
        call("write", path="tests/test_timeout.py", content=TEST),
        finish("The timeout is given in seconds.", 3, "python3 -m unittest -v tests.test_timeout"),
    ],
}


# The second look at a fix.
AGREES: dict[str, JsonValue] = {"when": ["=== findings", "=== diff"], "raw": '{"agrees": true, "reason": "It does."}'}


def need_sandbox() -> None:
    if shutil.which("bwrap") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("needs bwrap")
        pytest.skip("needs bwrap")


async def say(shop: Shop, pull_request: FakePullRequest, text: str, *, by: str = "maria") -> list[str]:
    """The emoji on a comment once everything that it led to is done."""
    comment = pull_request.comment(text, by=by)
    await shop.forge.wait_until(lambda: len(comment.reactions) > 1, timeout=60)
    await shop.system.quiet()
    return [reaction.content for reaction in comment.reactions]


def said(pull_request: FakePullRequest) -> list[str]:
    """Our comments without their marks."""
    ours = (comment for comment in pull_request.comments if "[bot]" in comment.user.login)
    return [comment.body.partition("\n\n<!--")[0] for comment in ours]
