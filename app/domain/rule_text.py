"""What is said of rules: an answer to who proposes or decides one, the list of them, the check's line."""

from collections.abc import Sequence

from app.domain.markdown import clean_line, code
from app.domain.phrases import Voice, count
from app.domain.rule_life import Acceptance
from app.domain.rules import LearnedRule, Rule

# How many rules does an answer list before it only counts?
_LISTED = 30


def remembered(rule: LearnedRule, voice: Voice) -> str:
    said = f"{rule.name}: {clean_line(rule.text, hosts=voice.link_hosts)}"
    if rule.state == "active":
        return f"{said}\n\nIn force from the next review on. {voice.command(f'forget {rule.name}')} drops it."
    return f"{said}\n\nProposed. A maintainer puts it in force: {voice.command(f'rule {rule.name} on')}."


# A rule, and what was said of it.
Told = tuple[LearnedRule, Acceptance]


def list_text(rules: Sequence[Told], voice: Voice) -> str:
    """In force first, then what waits for a maintainer; what was dropped is not listed."""
    active = [one for one in rules if one[0].state == "active"]
    proposed = [one for one in rules if one[0].state == "proposed"]
    if not active and not proposed:
        return f"Nothing was learned here yet. {voice.command('remember TEXT')} proposes a rule."
    lines = [*_group("In force", active), *_group("Proposed", proposed)]
    if proposed:
        lines += ["", f"A maintainer decides: {voice.command(f'rule {proposed[0][0].name} on')}."]
    return "\n".join(lines)


def acceptance_text(told: Acceptance) -> str:
    """`3 acted on, 1 dismissed`; empty where nothing was said."""
    words = {"said again": told.supported, "acted on": told.acted_on, "dismissed": told.dismissed}
    return ", ".join(f"{number} {word}" for word, number in words.items() if number)


def check_line(rules: Sequence[Rule]) -> str:
    """The rules that a review was given, for its check."""
    return " · ".join(_named(rule) for rule in rules)


def _named(rule: Rule) -> str:
    about = ", ".join(part for part in (rule.origin, rule.cut) if part)
    return f"{code(rule.name)} ({clean_line(about)})" if about else code(rule.name)


def _group(title: str, rules: Sequence[Told]) -> list[str]:
    if not rules:
        return []
    lines = [
        f"- {rule.name} {clean_line(rule.text, limit=600)} ({'; '.join(filter(None, _about(rule, told)))})"
        for rule, told in rules[:_LISTED]
    ]
    more = len(rules) - _LISTED
    return [f"{title}:", *lines, *([f"- and {count(more, 'more rule')}"] if more > 0 else [])]


def _about(rule: LearnedRule, told: Acceptance) -> tuple[str, str]:
    return f"{clean_line(rule.proposed_by)}, pull request {rule.pull_request_number}", acceptance_text(told)
