"""The demo's repository: a small shop, pull requests with real bugs, and what the model says of them."""

from dataclasses import dataclass
from textwrap import dedent

from pydantic import JsonValue

REPOSITORY = "acme/shop"


def _text(text: str) -> str:
    return dedent(text).lstrip("\n")


BASE: dict[str, str] = {
    "README.md": "# Shop\n\nTakes orders, issues refunds.\n",
    "billing/__init__.py": "",
    "billing/refunds.py": _text("""
        \"\"\"Refunds, as the payment provider's webhooks ask for them.\"\"\"

        from billing.client import PaymentClient
        from billing.events import EventLog


        class Refunds:
            def __init__(self, client: PaymentClient, events: EventLog) -> None:
                self.client = client
                self.events = events

            def handle(self, event: dict[str, str]) -> None:
                if self.events.seen(event["id"]):
                    return
                self.events.store(event["id"])
                self.client.refund(event["order"])
        """),
    "billing/client.py": _text("""
        \"\"\"The payment provider.\"\"\"

        from urllib.request import Request, urlopen


        class PaymentClient:
            def __init__(self, base_url: str, timeout: float = 5.0) -> None:
                self.base_url = base_url
                self.timeout = timeout

            def refund(self, order: str) -> None:
                request = Request(f"{self.base_url}/refunds/{order}", method="POST")
                urlopen(request, timeout=self.timeout)
        """),
    "billing/events.py": _text("""
        \"\"\"Which events were handled already.\"\"\"

        import sqlite3


        class EventLog:
            def __init__(self, database: sqlite3.Connection) -> None:
                self.database = database
                database.execute("create table if not exists events (id text primary key)")

            def seen(self, event_id: str) -> bool:
                row = self.database.execute("select 1 from events where id = ?", (event_id,)).fetchone()
                return row is not None

            def store(self, event_id: str) -> None:
                self.database.execute("insert into events values (?)", (event_id,))
                self.database.commit()
        """),
    "shop/__init__.py": "",
    "shop/labels.py": _text("""
        \"\"\"Texts on the order page.\"\"\"

        LABELS = {
            "order": "Your order",
            "pay": "Pay now",
            "cancel": "Cancel order",
        }


        def label(name: str) -> str:
            return LABELS[name]
        """),
    "shop/page.py": _text("""
        \"\"\"The order page.\"\"\"

        from shop.labels import label


        def buttons() -> list[str]:
            return [label("pay"), label("cancel")]
        """),
    "rates/__init__.py": "",
    "rates/table.py": _text("""
        \"\"\"Exchange rates.\"\"\"

        RATES = {"EUR": 1.0, "USD": 1.08}


        def convert(amount: float, currency: str) -> float:
            return amount * RATES[currency]
        """),
}

REFUNDS: dict[str, str | None] = {
    "billing/refunds.py": _text("""
        \"\"\"Refunds, as the payment provider's webhooks ask for them.\"\"\"

        from billing.client import PaymentClient
        from billing.events import EventLog


        class Refunds:
            def __init__(self, client: PaymentClient, events: EventLog) -> None:
                self.client = client
                self.events = events

            def handle(self, event: dict[str, str]) -> None:
                if self.events.seen(event["id"]):
                    return
                self.issue_refund(event["order"])
                self.events.store(event["id"])

            def issue_refund(self, order: str) -> None:
                self.client.refund(order, timeout=2000)
        """),
    "billing/client.py": _text("""
        \"\"\"The payment provider.\"\"\"

        from urllib.request import Request, urlopen


        class PaymentClient:
            def __init__(self, base_url: str, timeout: float = 5.0) -> None:
                self.base_url = base_url
                self.timeout = timeout

            def refund(self, order: str, timeout: float | None = None) -> None:
                request = Request(f"{self.base_url}/refunds/{order}", method="POST")
                urlopen(request, timeout=timeout or self.timeout)
        """),
    "billing/events.py": _text("""
        \"\"\"Which events were handled already.\"\"\"

        import sqlite3


        class EventLog:
            def __init__(self, database: sqlite3.Connection) -> None:
                self.database = database
                database.execute("create table if not exists events (id text primary key)")

            def seen(self, event_id: str) -> bool:
                row = self.database.execute(f"select 1 from events where id = '{event_id}'").fetchone()
                return row is not None

            def store(self, event_id: str) -> None:
                self.database.execute("insert into events values (?)", (event_id,))
                self.database.commit()
        """),
    "tests/test_refunds.py": _text("""
        import unittest

        from billing.refunds import Refunds


        class Client:
            def __init__(self) -> None:
                self.refunds: list[str] = []

            def refund(self, order: str, timeout: float | None = None) -> None:
                self.refunds.append(order)


        class Events:
            def __init__(self) -> None:
                self.known: set[str] = set()

            def seen(self, event_id: str) -> bool:
                return event_id in self.known

            def store(self, event_id: str) -> None:
                self.known.add(event_id)


        class RefundsTest(unittest.TestCase):
            def test_an_event_is_refunded(self) -> None:
                client = Client()
                Refunds(client, Events()).handle({"id": "e1", "order": "o1"})
                self.assertEqual(client.refunds, ["o1"])
        """),
}

LABELS: dict[str, str | None] = {
    "shop/labels.py": BASE["shop/labels.py"].replace('"pay": "Pay now"', '"checkout": "Go to checkout"'),
    "shop/page.py": BASE["shop/page.py"].replace('label("pay")', 'label("checkout")'),
}

RATES: dict[str, str | None] = {
    "rates/table.py": _text("""
        \"\"\"Exchange rates.\"\"\"

        import json
        from pathlib import Path

        RATES = json.loads(Path("rates.json").read_text())


        def convert(amount: float, currency: str) -> float:
            return amount * RATES.get(currency, 1.0)
        """),
    "rates/__init__.py": '"""What money is worth."""\n',
}

CACHE: dict[str, str | None] = {
    "rates/cache.py": _text("""
        \"\"\"Rates that were looked up before.\"\"\"

        from collections.abc import Callable

        from rates.table import RATES

        KNOWN: dict[str, float | None] = {}


        def rate(currency: str, look_up: Callable[[str], float | None] = RATES.get) -> float | None:
            if currency not in KNOWN:
                KNOWN[currency] = look_up(currency)
            return KNOWN[currency]
        """),
}

VOUCHERS: dict[str, str | None] = {
    "shop/parcels.py": _text("""
        \"\"\"What goes into a parcel.\"\"\"


        def weight(kind: str) -> int:
            \"\"\"In grams.\"\"\"
            if kind == "voucher":
                raise NotImplemented
            return 500
        """),
    "tests/test_parcels.py": _text("""
        import unittest

        from shop.parcels import weight


        class ParcelsTest(unittest.TestCase):
            def test_a_book(self) -> None:
                self.assertEqual(weight("book"), 500)
        """),
}


@dataclass(frozen=True)
class Sample:
    """A pull request of the demo."""

    title: str
    branch: str
    author: str
    body: str
    changes: dict[str, str | None]


SAMPLES = (
    Sample(
        "Refund on webhook retry",
        "refund-on-retry",
        "maria",
        "The provider sends a webhook again when we were down. Handle it.",
        REFUNDS,
    ),
    Sample("Rename a label", "rename-a-label", "sam", "The button leads to the checkout now.", LABELS),
    Sample("Load the rate table", "load-rates", "maria", "Rates come from a file from now on.", RATES),
    Sample("Remember rates", "remember-rates", "sam", "Looking a rate up takes a second.", CACHE),
    Sample("Vouchers go by mail", "vouchers", "sam", "A voucher has no weight.", VOUCHERS),
)

TWICE: dict[str, JsonValue] = {
    "path": "billing/refunds.py",
    "quote": 'self.issue_refund(event["order"])\n        self.events.store(event["id"])',
    "line": 14,
    "severity": "high",
    "category": "correctness",
    "title": "A retried webhook pays the customer twice",
    "body": (
        "`issue_refund()` runs before the event id is stored. If the process dies in between, the provider sends the "
        "event again and the refund is issued again."
    ),
    "agent_prompt": (
        "In billing/refunds.py store the event id before the provider is called, as it was before this change. Show it "
        "with a test that delivers one event twice. Do not change the public signature."
    ),
}
SECONDS: dict[str, JsonValue] = {
    "path": "billing/refunds.py",
    "quote": "self.client.refund(order, timeout=2000)",
    "line": 18,
    "severity": "medium",
    "category": "contract",
    "title": "Timeout in milliseconds, the client takes seconds",
    "body": "`PaymentClient.refund` hands its timeout to `urlopen`, which takes seconds: this waits for 33 minutes.",
    "agent_prompt": "In billing/refunds.py pass the timeout in seconds: `timeout=2`.",
}
FAILED: dict[str, JsonValue] = {
    "path": "rates/cache.py",
    "quote": "KNOWN[currency] = look_up(currency)",
    "line": 12,
    "severity": "medium",
    "category": "correctness",
    "title": "A failed lookup is remembered as a rate",
    "body": "When `look_up` returns None, None is stored and the currency stays unknown until the process restarts.",
    "agent_prompt": "In rates/cache.py store only rates that were found. Show it with a lookup that fails once.",
}

# The scripted model's lines: the first entry whose `when` all stand in the prompt answers.
SCRIPT: list[JsonValue] = [
    {"when": ["Refund on webhook retry"], "findings": [TWICE, SECONDS], "delay": 0.6},
    {"when": ["Remember rates"], "findings": [FAILED], "delay": 0.4},
    {"when": ["Load the rate table"], "raw": '{"findings": [{"path": "rates/table.py", "title": "Unkn'},
    {"when": [], "findings": [], "delay": 0.2},
]
