"""What tests of `corrigent review` ask for: a folder with work in it, a scripted model, a console."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.checkouts.repos import Repo
from tests.review_here.console import Console

BASE = {"README.md": "# Shop\n", "billing/refunds.py": "def refund(cursor, order_id):\n    return 1\n"}
WORK = {
    "billing/refunds.py": (
        "def refund(cursor, order_id):\n"
        "    cursor.execute(f\"select * from refunds where id = '{order_id}'\")\n"
        "    pay(cursor.fetchone())\n"
        "    store(order_id)\n"
        "    return 1\n"
        "\n"
        "\n"
        "def pay(row): ...\n"
        "\n"
        "\n"
        "def store(order_id): ...\n"
    ),
    "package-lock.json": "{}\n",
}
TWICE: dict[str, object] = {
    "path": "billing/refunds.py",
    "quote": "    pay(cursor.fetchone())\n    store(order_id)",
    "line": 3,
    "severity": "high",
    "category": "correctness",
    "title": "A retried webhook pays the customer twice",
    "body": "`pay()` runs before the order is stored. If the process dies in between, it is paid again.",
    "agent_prompt": "In billing/refunds.py store the order before it is paid.",
}

Scripted = Callable[..., str]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository with one commit on main, on a branch for work."""
    repo = Repo.create(tmp_path / "work")
    repo.commit(BASE)
    repo.switch("feature/refunds", "main")
    return repo


@pytest.fixture
def console(repo: Repo, tmp_path: Path) -> Console:
    return Console(folder=repo.folder, home=tmp_path / "home", temp=tmp_path / "temp")


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    """The name of a model that answers with these entries."""

    def write(*answers: Mapping[str, object], price: float = 0.0) -> str:
        script = tmp_path / "script.json"
        prices = {"input": price, "output": price}
        script.write_text(json.dumps({"log": "calls.jsonl", "price": prices, "answers": answers}))
        return f"scripted:{script}"

    return write
