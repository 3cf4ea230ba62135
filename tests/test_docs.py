"""The README names everything a person can set, type or open, and nothing that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from app.cli import app as command_line
from app.commands.registry import COMMANDS
from app.connection_settings import Connection
from app.domain.repo_config import RepoConfig
from app.sandboxes.egress_rules import PrivateRegistry
from app.settings import FOREIGN_NAMES, Organisation, Settings
from reviewers.linters.registry import LINTERS
from reviewers.registry import REVIEWERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section {title!r}"
    return found[1]


def in_code(text: str) -> set[str]:
    """Every word that stands in backticks."""
    return {word for span in re.findall(r"`([^`\n]+)`", text) for word in (span, *re.findall(r"[\w.*/-]+", span))}


def words_of(command: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path)
        return
    for name, child in children.items():
        yield from words_of(child, (*path, name))


def test_every_setting_is_explained() -> None:
    named = in_code(section("Settings"))
    tables = (Settings, Connection, Organisation, PrivateRegistry)
    wanted = {*FOREIGN_NAMES, *(name for table in tables for name in table.model_fields)}
    assert sorted(wanted - named) == []


def test_no_setting_is_explained_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", section("Settings"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert sorted(named - {*Settings.model_fields, *Connection.model_fields, *PrivateRegistry.model_fields}) == []


@pytest.mark.parametrize(
    ("setting", "shown"),
    [("listen_port", "8377"), ("keep_runs_days", "180"), ("keep_deliveries_days", "90"), ("post", "everywhere")],
)
def test_the_defaults_shown_are_the_defaults(setting: str, shown: str) -> None:
    assert str(Settings.model_fields[setting].default) == shown
    row = next(line for line in section("Settings").splitlines() if f"`{setting}`" in line)
    assert shown in row


def test_every_key_of_the_repository_s_file_is_explained() -> None:
    named = in_code(section("`.corrigent.yaml`"))
    assert sorted(set(RepoConfig.model_fields) - named) == []


def test_every_command_of_the_command_line_is_named() -> None:
    assert isinstance(command_line, typer.Typer)
    commands = [f"corrigent {words}" for words in words_of(get_command(command_line))]
    assert len(commands) > 5
    assert [command for command in commands if f"`{command}`" not in section("The command line")] == []


def test_no_command_is_named_that_does_not_exist() -> None:
    commands = {f"corrigent {words}" for words in words_of(get_command(command_line))}
    named = re.findall(r"`(corrigent(?: [a-z]+)+)`", README) + re.findall(
        r"^(corrigent(?: [a-z]+)+)", README, re.MULTILINE
    )
    assert [words for words in named if not any(words.startswith(command) for command in commands)] == []


def test_every_comment_command_is_named() -> None:
    named = in_code(section("On the pull request"))
    assert sorted(set(COMMANDS) - named) == []


def test_every_reviewer_and_linter_is_named() -> None:
    text = section("Who reviews")
    assert [name for name in REVIEWERS if f"`{name}`" not in text] == []
    assert [name for name in LINTERS if name not in text] == []


def test_every_path_that_is_mentioned_exists() -> None:
    top = "app|workflows|reviewers|autofix|deploy|tests|\\.ci"
    paths = set(re.findall(rf"(?<![\w./-])((?:{top})/[\w./-]*\w)", README))
    paths |= {name for name in in_code(README) if re.fullmatch(r"[A-Za-z.-]+\.(md|toml|lock)", name)}
    # Files of a repository under review, not of ours.
    paths -= {"settings.toml", "AGENTS.md", "REVIEW.md"}
    assert len(paths) > 15
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_the_licence_is_the_one_that_is_named() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()[:400]
    assert "Apache-2.0" in README
