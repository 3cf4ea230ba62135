"""A learned rule's life: what evidence makes of it, and when two sentences are one rule."""

from datetime import UTC, datetime

import pytest

from app.domain.rule_life import Acceptance, NextState, Thresholds, next_state, number_of, same_rule
from app.domain.rules import LearnedRule, RuleState

BY_EVIDENCE = Thresholds(activate_after=3, disable_after=2)


@pytest.mark.parametrize(
    ("state", "evidence", "thresholds", "expected"),
    [
        ("proposed", Acceptance(supported=2, acted_on=1), BY_EVIDENCE, "active: 3 times said or acted on"),
        ("proposed", Acceptance(supported=2), BY_EVIDENCE, ""),
        ("proposed", Acceptance(supported=3, dismissed=3), BY_EVIDENCE, ""),
        ("proposed", Acceptance(supported=99), Thresholds(), ""),
        ("active", Acceptance(dismissed=2), BY_EVIDENCE, "disabled: 2 of its findings were dismissed"),
        ("active", Acceptance(dismissed=1), BY_EVIDENCE, ""),
        ("active", Acceptance(dismissed=2, acted_on=2), BY_EVIDENCE, ""),
        ("active", Acceptance(dismissed=9), Thresholds(disable_after=0), ""),
        ("disabled", Acceptance(supported=9, acted_on=9), BY_EVIDENCE, ""),
    ],
)
def test_evidence_decides_only_over_the_operators_thresholds(
    state: RuleState, evidence: Acceptance, thresholds: Thresholds, expected: str
) -> None:
    found = next_state(state, evidence, thresholds)
    assert (f"{found.state}: {found.why}" if isinstance(found, NextState) else "") == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Money is in cents", 1),
        ("money is always in cents", 1),
        ('No bug here: "Payment is made twice". The reason given: the provider dedupes every event', 2),
        ('No bug here: "Timeout in ms, caller passes seconds". The reason given: checked by hand before', None),
        ("Times are in seconds", None),
    ],
)
def test_the_same_rule_in_other_words_is_found(text: str, same: int | None) -> None:
    texts = (
        "Money is in cents.",
        'No bug here: "Payment is made twice". The reason given: the provider dedupes events',
    )
    known = [
        LearnedRule(
            number=number,
            text=one,
            state="proposed",
            proposed_by="maria",
            pull_request_number=1,
            proposed_at=datetime(2026, 11, 21, tzinfo=UTC),
        )
        for number, one in enumerate(texts, start=1)
    ]
    found = same_rule(known, text)
    assert (found.number if found else None) == same


def test_only_learned_rules_have_numbers() -> None:
    assert [number_of(name) for name in ("R7", "AGENTS.md", "", "R", "R7 ")] == [7, None, None, None, None]
