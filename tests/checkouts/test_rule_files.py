"""Rules that a repository keeps in files: whose they are, what they are for, and how much of them is read."""

from pathlib import Path

import pytest

from app.checkouts.git import Git
from app.checkouts.rule_files import RuleFiles, read_rule
from app.domain.pull_request import Repo
from app.domain.rules import MOST_OF_A_FILE, Rule, rules_for, rules_text
from tests.checkouts.repos import Repo as Made

SHOP = Repo(connection="github", repo_id="1", installation_id="1", full_name="acme/shop", default_branch="main")
SCOPED = "---\npaths: ['*.py', 'sql/']\nseverity: high\n---\nMoney is in cents.\n"
AGENTS = "# Agents\nBe kind.\n## code review\nNo floats.\n### Also\nNo sleeps.\n## Other\nNothing.\n"


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("REVIEW.md", "No floats.", Rule(name="REVIEW.md", text="No floats.")),
        (".cursor/BUGBOT.md", "Be strict.", Rule(name=".cursor/BUGBOT.md", text="Be strict.")),
        ("AGENTS.md", AGENTS, Rule(name="AGENTS.md", text="No floats.\n### Also\nNo sleeps.")),
        ("AGENTS.md", "# Agents\nBe kind.\n", None),
        ("REVIEW.md", " \n", None),
        (
            "api/.corrigent/rules.md",
            SCOPED,
            Rule(
                name="api/.corrigent/rules.md",
                text="Severity of a breach: high.\nMoney is in cents.",
                folder="api",
                paths=("*.py", "sql/"),
            ),
        ),
        ("REVIEW.md", "---\npaths: {a: [\n---\nNo floats.", Rule(name="REVIEW.md", text="No floats.")),
    ],
)
def test_a_file_is_a_rule(path: str, text: str, expected: Rule | None) -> None:
    assert read_rule(path, text) == expected


def test_a_rule_too_long_is_cut_and_says_so() -> None:
    rule = read_rule("REVIEW.md", "x" * (MOST_OF_A_FILE + 1))
    assert rule is not None
    assert (len(rule.text), rule.cut) == (MOST_OF_A_FILE, "cut at 30,000 characters")


def test_only_rules_that_concern_the_change_are_told_nearest_first() -> None:
    near = Rule(name="near", text="N", folder="api/v1")
    python = Rule(name="python", text="P", paths=("*.py",))
    other = Rule(name="other", text="O", folder="web")
    told = rules_text(rules_for((python, other, near), ["api/v1/users.py"]))
    assert told == "near, for api/v1:\nN\n\npython, for *.py:\nP"


async def test_all_of_a_commit_are_found(tmp_path: Path) -> None:
    made = Made.create(tmp_path / "shop")
    commit = made.commit(
        {"api/.corrigent/rules.md": SCOPED, "AGENTS.md": AGENTS, "notes/REVIEW.md.txt": "x", "a.py": "x"}
    )
    found = await RuleFiles().at(Git(git_dir=made.folder / ".git"), SHOP, commit)
    assert [rule.name for rule in found] == ["AGENTS.md", "api/.corrigent/rules.md"]
