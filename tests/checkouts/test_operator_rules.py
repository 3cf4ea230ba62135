"""The operator's own rules: everybody's, and an owner's, as files say them."""

from pathlib import Path

from app.checkouts.operator_rules import OperatorRules, read_operator_rules
from app.domain.rule_text import check_line
from app.domain.rules import Rule


def test_an_owners_rules_come_before_everybodys(tmp_path: Path) -> None:
    files = {
        "money.md": "Money is in cents.\n",
        "notes.txt": "no rule",
        "empty.md": "\n",
        "acme/python.md": "---\npaths: ['*.py']\nseverity: high\n---\nNo floats.\n",
        "other/x.md": "Not for acme.\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    rules = read_operator_rules(tmp_path)
    money = Rule(name="rules/money.md", text="Money is in cents.", origin="of the operator")
    python = Rule(
        name="rules/acme/python.md",
        text="Severity of a breach: high.\nNo floats.",
        paths=("*.py",),
        origin="of acme",
    )
    assert rules.of("acme") == (python, money)
    assert rules.of("nobody") == (money,)
    assert check_line(rules.of("acme")) == "`rules/acme/python.md` (of acme) · `rules/money.md` (of the operator)"


def test_without_a_folder_there_are_none(tmp_path: Path) -> None:
    assert read_operator_rules(tmp_path / "rules") == OperatorRules()
