"""Reads the rules that a repository keeps in its files, at a commit of its default branch."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import yaml
from pydantic import Field, JsonValue, ValidationError

from app.checkouts import objects
from app.checkouts.git import Git
from app.domain.findings import Severity
from app.domain.model import Frozen
from app.domain.names import RULES_FOLDER
from app.domain.pull_request import Repo
from app.domain.rules import MOST_OF_A_FILE, MOST_TOGETHER, Rule

RULES_FILE = f"{RULES_FOLDER}/rules.md"
# Files of other tools that hold rules for reviewers; of the last only one section.
_OTHERS = ("REVIEW.md", ".cursor/BUGBOT.md")
_SECTIONED, _SECTION = "AGENTS.md", "Code review"
# More files than anybody keeps rules in.
_MOST_FILES = 200
# How many commits' rules are remembered? They are asked for with every command and every review.
_REMEMBERED = 200
_LONGEST_FRONT = 4_000
_FRONT = re.compile(r"---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.MULTILINE)


class _Front(Frozen):
    paths: tuple[str, ...] = Field(default=(), max_length=100)
    severity: Severity | None = None


class RuleFiles:
    """One of these for a process: a commit's rules never change."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], tuple[Rule, ...]] = OrderedDict()

    async def at(self, git: Git, repo: Repo, commit: str) -> tuple[Rule, ...]:
        key = (repo.connection, repo.repo_id, commit)
        if key not in self._known:
            self._known[key] = await read_rules(git, commit)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]


def read_rule(path: str, text: str) -> Rule | None:
    """The rule that a file holds; None when there is nothing in it for a reviewer."""
    name = _name_of(path)
    if name == _SECTIONED:
        front = _FRONT.match(text)
        text = (front[0] if front else "") + _section(text)
    rule = rule_in(path, text)
    return rule and rule.model_copy(update={"folder": path.removesuffix(name).strip("/")})


def rule_in(name: str, text: str) -> Rule | None:
    """The rule that a text is, with what its front matter says of it; for the whole repository."""
    front, body = _front(text)
    body = body.strip()
    if not body:
        return None
    cut = f"cut at {MOST_OF_A_FILE:,} characters" if len(body) > MOST_OF_A_FILE else ""
    severity = f"Severity of a breach: {front.severity}.\n" if front.severity else ""
    return Rule(name=name, text=severity + body[:MOST_OF_A_FILE], paths=front.paths, cut=cut)


async def read_rules(git: Git, commit: str) -> tuple[Rule, ...]:
    """All rules that a commit holds, as many and as much of them as reviewers are given."""
    listing = await git.run("ls-tree", "-r", "-z", "--name-only", objects.checked(commit))
    names = [name for name in listing.decode("utf-8", "replace").split("\0") if _name_of(name)]
    # Those near the root concern the most files.
    names.sort(key=lambda name: (name.count("/"), name))
    texts = await objects.read_texts(git, commit, names[:_MOST_FILES]) if names else {}
    return _capped([rule for name, text in texts.items() if (rule := read_rule(name, text))])


def _capped(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    left, kept = MOST_TOGETHER, list[Rule]()
    for rule in rules:
        cut = f"cut: all rules together are over {MOST_TOGETHER:,} characters" if len(rule.text) > left else rule.cut
        kept.append(rule.model_copy(update={"text": rule.text[:left], "cut": cut}))
        left -= len(kept[-1].text)
    return tuple(kept)


def _name_of(path: str) -> str:
    """The part of a path that makes it a file of rules; empty when it is none."""
    names = (RULES_FILE, *_OTHERS, _SECTIONED)
    return next((name for name in names if path == name or path.endswith(f"/{name}")), "")


def _front(text: str) -> tuple[_Front, str]:
    """Front matter and the rest. One that cannot be read is left out: its rule is then for everything."""
    found = _FRONT.match(text)
    if found is None:
        return _Front(), text
    body = text[found.end() :]
    if len(found[1]) > _LONGEST_FRONT:
        return _Front(), body
    try:
        values = cast("JsonValue", yaml.safe_load(found[1]))
        if isinstance(values, dict) and isinstance(values.get("paths"), str):
            values = {**values, "paths": [values["paths"]]}
        return _Front.model_validate(values), body
    except (yaml.YAMLError, ValidationError):
        return _Front(), body


def _section(text: str) -> str:
    """What stands under the heading, up to the next one of its level or above."""
    headings = list(_HEADING.finditer(text))
    for at, heading in enumerate(headings):
        if heading[2].casefold() == _SECTION.casefold():
            ends = (later.start() for later in headings[at + 1 :] if len(later[1]) <= len(heading[1]))
            return text[heading.end() : next(ends, len(text))]
    return ""
