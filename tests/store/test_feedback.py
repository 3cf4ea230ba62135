"""What people think of a finding is kept once for each person, and goes when they take it back."""

from app.domain.feedback import Feedback
from app.domain.pull_request import Person, PullRequestRef
from app.store.database import Database
from app.store.feedback import Votes
from tests.store.samples import NOW

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
