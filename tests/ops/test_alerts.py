"""The alert rules can be read, and every figure and label in them is one that we tell."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from app.metrics import Metrics

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "deploy" / "observability" / "alerts.yaml"


class Annotations(BaseModel):
    model_config = ConfigDict(extra="forbid")
    summary: str
    action: str


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    alert: str
    expr: str
    labels: dict[str, str]
    annotations: Annotations


class TimedRule(Rule):
    # "for" is a word of Python's own.
    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: "for" if name == "lasting" else name)
    lasting: str = ""


class Group(BaseModel):
    name: str
    rules: list[TimedRule]


class File(BaseModel):
    groups: list[Group]


FOUND = [rule for group in File.model_validate(yaml.safe_load(RULES.read_text())).groups for rule in group.rules]


def told() -> str:
    """The page after everything happened once."""
    metrics = Metrics()
    metrics.hook("github", 202, 0.1)
    metrics.backlog(1, 1)
    metrics.dispatched(0.1)
    metrics.forge_request("GET", "/x", 200, 0.1)
    metrics.model_call("m", "ok", sent=1, received=1, dollars=1)
    metrics.review("clean", 1)
    metrics.wait("budget")
    metrics.janitor(late=1, closed=1)
    metrics.adopted("check")
    metrics.waited("ours", 1)
    metrics.refused("ours")
    return metrics.render().decode()


@pytest.mark.parametrize("rule", FOUND, ids=lambda rule: rule.alert)
def test_an_alert_speaks_of_figures_that_exist(rule: TimedRule) -> None:
    page = told()
    named = re.findall(r"\b(corrigent_\w+)(?:\{([^}]*)\})?", rule.expr)
    assert named
    for name, labels in named:
        line = re.search(rf"^{name}(\{{[^}}]*\}})? ", page, re.MULTILINE)
        assert line, name
        wanted = {label for label, _ in re.findall(r'(\w+)!?=~?"([^"]*)"', labels)}
        assert wanted <= set(re.findall(r'(\w+)="', line[1] or "")), name
    assert rule.labels.keys() == {"severity"}
    assert re.fullmatch(r"(\d+m)?", rule.lasting)


def test_the_promises_that_can_break_are_watched() -> None:
    text = " ".join(rule.expr for rule in FOUND)
    for name in ("hook_seconds", "runs_late", "oldest_seconds", "budget", "janitor_closes"):
        assert name in text
    assert len({rule.alert for rule in FOUND}) == len(FOUND)


def test_every_figure_is_explained_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    figures = set(re.findall(r"^# TYPE corrigent_(\w+) (?:counter|gauge|histogram)$", told(), re.MULTILINE))
    figures = {name.removesuffix("_total") for name in figures if not name.endswith("_created")}
    assert len(figures) > 15
    assert sorted(name for name in figures if f"`{name}`" not in readme) == []
