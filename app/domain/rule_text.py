"""What is said of rules: an answer to who proposes or decides one, the list of them, the check's line."""

from collections.abc import Sequence

from app.domain.markdown import clean_line, code
from app.domain.phrases import Voice, count
from app.domain.rules import LearnedRule, Rule

# How many rules does an answer list before it only counts?
_LISTED = 30


def remembered(rule: LearnedRule, voice: Voice) -> str:
    said = f"{rule.name}: {clean_line(rule.text, hosts=voice.link_hosts)}"
    if rule.state == "active":
        return f"{said}\n\nIn force from the next review on. {voice.command(f'forget {rule.name}')} drops it."
    return f"{said}\n\nProposed. A maintainer puts it in force: {voice.command(f'rule {rule.name} on')}."


def list_text(rules: Sequence[LearnedRule], voice: Voice) -> str:
    """In force first, then what waits for a maintainer; what was dropped is not listed."""
    active = [rule for rule in rules if rule.state == "active"]
    proposed = [rule for rule in rules if rule.state == "proposed"]
    if not active and not proposed:
        return f"Nothing was learned here yet. {voice.command('remember TEXT')} proposes a rule."
    lines = [*_group("In force", active), *_group("Proposed", proposed)]
    if proposed:
        lines += ["", f"A maintainer decides: {voice.command(f'rule {proposed[0].name} on')}."]
    return "\n".join(lines)


def check_line(rules: Sequence[Rule]) -> str:
    """The rules that a review was given, for its check."""
    return " · ".join(_named(rule) for rule in rules)


def _named(rule: Rule) -> str:
    about = ", ".join(part for part in (rule.origin, rule.cut) if part)
    return f"{code(rule.name)} ({clean_line(about)})" if about else code(rule.name)


def _group(title: str, rules: Sequence[LearnedRule]) -> list[str]:
    if not rules:
        return []
    lines = [f"- {rule.name} {clean_line(rule.text, limit=600)} ({_origin(rule)})" for rule in rules[:_LISTED]]
    more = len(rules) - _LISTED
    return [f"{title}:", *lines, *([f"- and {count(more, 'more rule')}"] if more > 0 else [])]


def _origin(rule: LearnedRule) -> str:
    return f"{clean_line(rule.proposed_by)}, pull request {rule.pull_request_number}"
