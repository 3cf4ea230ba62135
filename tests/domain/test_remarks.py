"""Which remarks of people may become a rule, and what is taken of them."""

import pytest

from app.domain.findings import Place
from app.domain.pull_request import Person
from app.domain.remarks import MOST_REMARKS, Remark, missed, rule_in

ADA, MARIA = Person(user_id="1", login="ada"), Person(user_id="2", login="maria")
SAID = "Money must be in cents here, never in floats."


def remark(*, by: Person = ADA, line: int = 40, body: str = SAID, path: str = "a.py") -> Remark:
    place = Place(path=path, start_line=line, line=line)
    return Remark(comment_id="9", author=by, body=body, place=place, commit_sha="c" * 40)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (SAID, SAID),
        (f"{SAID} We lost some in May. Ask Bob for the story.", f"{SAID} We lost some in May."),
        (f"> earlier words\n{SAID}\n```suggestion\nx = 1\n```\n", SAID),
        ("nit: rename", ""),
        ("Should this not be in cents instead of floats?", ""),
        ("/corrigent dismiss 1 wrong, the provider dedupes by event", ""),
        ("@maria please look at this one before it is merged", ""),
        ("```\nsome code that nobody can take for a rule at all\n```", ""),
        ("", ""),
    ],
)
def test_a_rule_is_the_first_words_and_no_question_or_command(body: str, rule: str) -> None:
    assert rule_in(body) == rule


@pytest.mark.parametrize(
    ("one", "kept"),
    [
        (remark(), True),
        (remark(line=13), False),
        (remark(line=13, path="b.py"), True),
        (remark(by=MARIA), False),
        (remark(by=Person(user_id="3", login="other[bot]", is_bot=True)), False),
        (remark(body="LGTM"), False),
    ],
)
def test_only_reviewers_away_from_our_findings_teach(one: Remark, kept: bool) -> None:
    ours = [Place(path="a.py", start_line=10, line=10)]
    assert bool(missed([one], ours, MARIA)) is kept


def test_one_pull_request_teaches_a_few_rules_at_most() -> None:
    assert len(missed([remark()] * 20, [], None)) == MOST_REMARKS
