"""Who says the same, how many say it, and what is said of those who say it alone."""

from collections.abc import Sequence

import pytest

from app.domain.findings import Evidence, Finding, Severity
from reviewers.stages.bucket import Bucket, Claim, bucket, in_doubt
from reviewers.stages.vote import speaker, vote
from tests.domain.diffs import finding

RETRY = "A retried webhook refunds the order twice, since nothing remembers that the refund was made"
RETRY_AGAIN = "When the webhook is retried, the refund of the order happens twice: it is not remembered"
TIMEOUT = "The timeout is given in seconds, while the client expects milliseconds and gives up at once"
TIMEOUT_AGAIN = "The client expects a timeout in milliseconds; seconds are given, so it gives up at once"
# About the refund in few of the same words: between the limits of doubt and below what is called the same.
VAGUE = "The refund of somebody may happen again later on"


def claim(voter: str, text: str, line: int = 10, *, path: str = "a.py", severity: Severity = Severity.MEDIUM) -> Claim:
    one = finding(line=line, path=path, title=text, body="")
    return Claim(voter, one.model_copy(update={"severity": severity}))


def groups(claims: Sequence[Claim], buckets: Sequence[Bucket]) -> list[list[int]]:
    return [[at for one in each.claims for at, given in enumerate(claims) if given is one] for each in buckets]


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([claim("1", RETRY), claim("2", RETRY_AGAIN)], [[0, 1]]),
        ([claim("1", RETRY), claim("2", TIMEOUT)], [[0], [1]]),
        ([claim("1", RETRY, 10), claim("2", RETRY_AGAIN, 13)], [[0, 1]]),
        ([claim("1", RETRY, 10), claim("2", RETRY_AGAIN, 14)], [[0], [1]]),
        ([claim("1", RETRY), claim("2", RETRY_AGAIN, path="b.py")], [[0], [1]]),
        ([claim("1", RETRY, 10), claim("2", RETRY_AGAIN, 13), claim("3", RETRY, 16)], [[0, 1, 2]]),
        (
            [claim("1", RETRY), claim("1", TIMEOUT), claim("2", TIMEOUT_AGAIN), claim("2", RETRY_AGAIN)],
            [[0, 3], [1, 2]],
        ),
        ([claim("1", RETRY), claim("1", RETRY)], [[0, 1]]),
        ([], []),
    ],
    ids=["alike", "other words", "near", "too far", "another file", "by steps", "two problems", "repeated", "nothing"],
)
def test_what_is_near_and_alike_is_one_problem(claims: list[Claim], expected: list[list[int]]) -> None:
    assert groups(claims, bucket(claims)) == expected


def test_one_pass_that_names_two_like_problems_means_two() -> None:
    first = "The parsed order is not checked for None before its name is read, so an empty body fails"
    second = "The customer is looked up without a check for None, and its address is read afterwards"
    assert len(bucket([claim("1", first), claim("2", second)])) == 1
    assert len(bucket([claim("1", first), claim("1", second)])) == 2


def test_doubtful_pairs_are_for_somebody_who_can_read() -> None:
    claims = [claim("1", RETRY), claim("2", VAGUE), claim("3", TIMEOUT)]
    doubtful = in_doubt(claims)
    assert [(one.title, other.title) for one, other in doubtful] == [(RETRY, VAGUE)]
    asked: list[tuple[str, str]] = []

    def same(one: Finding, other: Finding) -> bool:
        asked.append((one.title, other.title))
        return True

    assert groups(claims, bucket(claims)) == [[0], [1], [2]]
    assert groups(claims, bucket(claims, same)) == [[0, 1], [2]]
    assert asked == [(RETRY, VAGUE)]


def test_enough_votes_make_a_finding_and_the_rest_is_told_with_its_reason() -> None:
    claims = [claim("1", RETRY), claim("2", RETRY_AGAIN), claim("3", TIMEOUT)]
    kept, outvoted = vote(bucket(claims), passes=3, needed=2)
    assert [one.title for one in kept] == [RETRY]
    assert kept[0].evidence == (Evidence(kind="passes", text="2 of 3 passes"),)
    assert [(one.title, one.evidence[0].text) for one in outvoted] == [(TIMEOUT, "1 of 3 passes")]


def test_a_pass_that_repeats_itself_has_one_vote() -> None:
    kept, outvoted = vote(bucket([claim("1", RETRY), claim("1", RETRY)]), passes=2, needed=2)
    assert (kept, len(outvoted)) == ([], 1)


def test_an_analyser_is_a_voter_and_its_evidence_stays() -> None:
    said = Evidence(kind="analyser", text="ruff S608")
    tool = claim("ruff", RETRY)
    tool = Claim("ruff", tool.finding.model_copy(update={"evidence": (said,)}))
    kept, _ = vote(bucket([claim("1", RETRY_AGAIN), tool]), passes=1, needed=2)
    assert kept[0].evidence == (said,)


def test_a_hit_on_the_same_lines_is_a_vote_whatever_its_words() -> None:
    said = Evidence(kind="analyser", text="ruff S608")
    hit = claim("ruff", TIMEOUT).finding.model_copy(update={"reviewer": "ruff", "evidence": (said,)})
    kept, _ = vote(bucket([claim("1", RETRY)]), passes=5, needed=2, hits=[hit])
    assert [(one.title, said in one.evidence) for one in kept] == [(RETRY, True)]
    elsewhere = hit.model_copy(update={"place": hit.place.model_copy(update={"start_line": 900, "line": 900})})
    assert vote(bucket([claim("1", RETRY)]), passes=5, needed=2, hits=[elsewhere])[0] == []


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ((Severity.HIGH, Severity.LOW, Severity.LOW), Severity.LOW),
        ((Severity.HIGH, Severity.LOW), Severity.HIGH),
        ((Severity.MEDIUM,), Severity.MEDIUM),
    ],
)
def test_the_severity_is_what_most_say(severities: tuple[Severity, ...], expected: Severity) -> None:
    claims = [claim(str(at), RETRY, severity=severity) for at, severity in enumerate(severities)]
    kept, _ = vote(bucket(claims), passes=len(claims), needed=1)
    assert kept[0].severity is expected


def test_the_one_that_says_what_all_say_speaks() -> None:
    said = (claim("1", VAGUE), claim("2", RETRY), claim("3", RETRY_AGAIN))
    assert speaker(Bucket(said)).title in {RETRY, RETRY_AGAIN}
