"""What people think of a finding is kept once for each person, and goes when they take it back."""

from datetime import timedelta

from app.domain.feedback import Feedback, Vote
from app.domain.past_verdicts import VotedFinding
from app.domain.pull_request import Person, PullRequestRef
from app.store.database import Database
from app.store.feedback import Votes
from app.store.findings import Findings
from tests.store.samples import HEAD, NOW, a_run, seen_of, seen_pull_request

REF = PullRequestRef(connection="gitlab", repo_id="7", number=12)
MARIA = Feedback(person=Person(user_id="1", login="maria"), vote="up")
SAM = Feedback(person=Person(user_id="2", login="sam"), vote="down")


async def test_it_is_given_once_and_taken_back(db: Database) -> None:
    votes = Votes(db)
    for given in (MARIA, SAM, MARIA):
        await votes.give(REF, "one", given, NOW)
    await votes.give(REF, "two", SAM, NOW)
    assert await votes.of(REF) == {"one": [MARIA, SAM], "two": [SAM]}
    await votes.take_back("one", MARIA)
    await votes.take_back("one", MARIA)
    assert await votes.of(REF) == {"one": [SAM], "two": [SAM]}
    assert await votes.of(REF.model_copy(update={"number": 13})) == {}


async def test_what_was_read_takes_the_place_of_what_was_known(db: Database) -> None:
    votes = Votes(db)
    await votes.give(REF, "one", MARIA, NOW)
    await votes.give(REF, "two", MARIA, NOW)
    await votes.replace(REF, {"one": (SAM,), "three": ()}, NOW)
    assert await votes.of(REF) == {"one": [SAM], "two": [MARIA]}


def thumb(user_id: int, vote: Vote) -> Feedback:
    return Feedback(person=Person(user_id=str(user_id), login=f"user-{user_id}"), vote=vote)


async def test_later_pull_requests_find_a_thousand_thumbs_by_what_they_are_about(db: Database) -> None:
    votes, findings = Votes(db), Findings(db)
    ref = await seen_pull_request(db)
    good, bad, wrong = await findings.track(ref, await a_run(db), HEAD, [seen_of(name) for name in "abc"], NOW)
    for number in range(500):
        await votes.give(ref, good.finding_id, thumb(number, "up"), NOW)
        await votes.give(ref, bad.finding_id, thumb(number, "down"), NOW + timedelta(minutes=1))
    await votes.give(ref, wrong.finding_id, thumb(1, "down"), NOW)
    await findings.set_state(wrong.finding_id, "dismissed", by="ada", why="wrong: it is checked", now=NOW)
    assert await votes.elsewhere(ref, limit=2_000) == [], "its own are known to it by their numbers"
    elsewhere = ref.model_copy(update={"number": 13})
    found = await votes.elsewhere(elsewhere, limit=2_000)
    assert [(one.text.partition("\n")[0], len(one.feedback)) for one in found] == [
        (bad.finding.title, 500),
        (good.finding.title, 500),
    ]
    assert [len(one.feedback) for one in await votes.elsewhere(elsewhere, limit=10)] == [10]
    assert await votes.elsewhere(elsewhere.model_copy(update={"repo_id": "2"}), limit=10) == []


def test_a_finding_is_what_those_who_may_write_make_of_it_together() -> None:
    voted = VotedFinding(
        text="Pays twice",
        pull_request_number=3,
        feedback=(thumb(1, "down"), thumb(2, "down"), thumb(3, "up"), thumb(4, "up"), thumb(5, "up")),
    )
    rows = [({"1", "2", "3"}, "rejected"), ({"1", "3", "4"}, "upvoted"), ({"1", "3"}, ""), (set[str](), "")]
    for writers, expected in rows:
        verdict = voted.verdict(writers)
        assert (verdict.verdict if verdict else "") == expected, writers
