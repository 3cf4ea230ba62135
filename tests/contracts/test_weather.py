"""Bad weather on every forge: what was done although the answer said not, limits, and connections that are cut."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import ForgeUnavailable, RateLimited
from app.domain.review import CheckText
from app.forges.base import CommentRef
from app.forges.fake import faults
from app.forges.fake.faults import Effect, ListLag, Reset
from app.forges.fake.gitlab import errors as gitlab_errors
from app.forges.fake.gitlab.limits import LimitSettings as GitLabLimits
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.forges.fake.limits import LimitSettings as GitHubLimits
from tests.contracts.telling import bodies_of, comments_of, meanings, threads_of, waiting_on
from tests.contracts.worlds import KINDS, RUN_ID, AnyPull, World, a_world, comment_on, draft_of

FILES = {"pay.py": "".join(f"line {number}\n" for number in range(1, 21))}
CHANGES = {"pay.py": FILES["pay.py"].replace("line 5\n", "line five\n").replace("line 15\n", "line fifteen\n")}
MARKER = "<!-- corrigent:v1 action=" + "c" * 64 + " -->"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# What a client may not be told of its write although it was done.
LOST_ANSWERS: list[tuple[str, Callable[[], Effect]]] = [
    ("a 502", lambda: faults.bad_gateway(after=True)),
    ("a cut connection", lambda: Reset(after=True)),
]


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files=FILES) as made:
        yield made


@pytest.fixture
async def pull(world: World) -> AnyPull:
    return await world.open(CHANGES)


def lose_answer_to(world: World, nth: int, effect: Effect) -> list[faults.Fault]:
    """The nth write of each method is done, and its answer lost."""
    # A token is minted by a POST that is nobody's write.
    paths = "/repos/*" if world.kind == "github" else "/api/v4/projects/*"
    return [world.fake.fault(effect, method=method, path=paths, nth=nth) for method in WRITES]


async def insist(write: Callable[[bool], Awaitable[object]]) -> object:
    """As a step is repeated: the second time it looks first."""
    for look_first in (False, True, True, True):
        try:
            return await write(look_first)
        except ForgeUnavailable:
            continue
    raise AssertionError("It never went through.")


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("effect", [row[1] for row in LOST_ANSWERS], ids=[row[0] for row in LOST_ANSWERS])
async def test_a_review_whose_answers_are_lost_is_there_once(
    world: World, pull: AnyPull, nth: int, effect: Callable[[], Effect]
) -> None:
    ref, draft = world.ref_of(pull), draft_of(pull, comment_on(1, "pay.py", 5), comment_on(2, "pay.py", 15))
    lose_answer_to(world, nth, effect())

    async def post(look_first: bool) -> object:
        review = await world.ours.writer.stage_review(ref, draft, look_first)
        return await insist(lambda _: world.ours.writer.submit_review(ref, review))

    await insist(post)
    assert [told.line for told in threads_of(pull)] == [5, 15]
    assert (len(bodies_of(pull)), waiting_on(pull)) == (1, 0)


@pytest.mark.parametrize("effect", [row[1] for row in LOST_ANSWERS], ids=[row[0] for row in LOST_ANSWERS])
async def test_an_answer_whose_answer_is_lost_is_there_once(
    world: World, pull: AnyPull, effect: Callable[[], Effect]
) -> None:
    ref, body = world.ref_of(pull), f"Nothing is open.\n\n{MARKER}"
    lose_answer_to(world, 1, effect())
    await insist(lambda look: world.ours.writer.comment(ref, body, MARKER, None, look_first=look))
    assert comments_of(pull) == [("us", body)]


async def test_other_writes_whose_answers_are_lost_are_done_once(world: World, pull: AnyPull) -> None:
    ref = world.ref_of(pull)
    await world.post(pull, comment_on(1, "pay.py", 5))
    said = pull.comment("/corrigent help")
    at = CommentRef(ref=ref, kind="comment", comment_id=str(_id_of(said)))
    threads = await world.ours.reader.threads(ref)
    lose_answer_to(world, 1, faults.bad_gateway(after=True))
    await insist(lambda _: world.ours.writer.react(at, "eyes"))
    await insist(lambda _: world.ours.writer.resolve_threads(ref, threads, "Fixed."))
    assert meanings(said.reactions) == ["eyes"]
    assert [told.resolved for told in threads_of(pull)] == [True]


@pytest.mark.parametrize("conclusion", ["success", "neutral", "failure", "cancelled"])
async def test_a_check_whose_answer_is_lost_is_there_once(world: World, pull: AnyPull, conclusion: str) -> None:
    ref, head = world.ref_of(pull), pull.head_sha
    lose_answer_to(world, 1, faults.bad_gateway(after=True))

    async def tell(text: CheckText, check_id: str | None) -> str:
        ensure = world.ours.writer.ensure_check
        return str(await insist(lambda look: ensure(ref, head, RUN_ID, text, check_id, look_first=look)))

    check_id = await tell(CheckText(title="Reviewing", summary="…"), None)
    done = CheckText.model_validate({"title": "Done", "summary": "…", "conclusion": conclusion})
    assert await tell(done, check_id) == check_id
    assert len(pull.checks) <= 1


@pytest.mark.parametrize("effect", [faults.bad_gateway(), faults.bad_gateway(503), Reset()], ids=["502", "503", "cut"])
async def test_what_was_not_done_is_unavailable_and_leaves_nothing(world: World, pull: AnyPull, effect: Effect) -> None:
    await world.ours.reader.me()
    world.fake.fault(effect, count=100)
    with pytest.raises(ForgeUnavailable):
        await world.ours.writer.comment(world.ref_of(pull), "words", "words", None, look_first=False)
    with pytest.raises(ForgeUnavailable):
        await world.ours.reader.pull_request(world.ref_of(pull))
    world.fake.server.faults.clear()
    assert comments_of(pull) == []


SECOND, WAIT, LONGEST = timedelta(seconds=1), timedelta(minutes=5), timedelta(hours=2)
# Made when they strike, so that the time they name is still to come.
NAMED_ENDS: dict[str, list[Callable[[datetime], Effect]]] = {
    "github": [
        lambda _: faults.secondary_with_retry_after(WAIT),
        faults.secondary_with_date,
        faults.secondary_with_reset,
    ],
    "gitlab": [lambda _: gitlab_errors.throttled(WAIT), gitlab_errors.throttled_until],
}
# With the least that is waited where no end is named.
WITHOUT_END: dict[str, list[tuple[Effect, timedelta]]] = {
    "github": [
        (effect, timedelta(seconds=60))
        for effect in (faults.secondary_as_text(), faults.secondary_as_abuse(), faults.too_many_requests())
    ],
    "gitlab": [(gitlab_errors.throttled_without_a_word(), timedelta(seconds=20))],
}


async def test_a_limit_that_names_its_end_is_told_with_it(world: World, pull: AnyPull) -> None:
    for form in NAMED_ENDS[world.kind]:
        asked = datetime.now(UTC)
        until = await _limited_by(world, pull, form(asked + WAIT))
        # Dates and stamps have whole seconds.
        assert asked + WAIT - SECOND <= until <= datetime.now(UTC) + WAIT + SECOND
    assert comments_of(pull) == []


async def test_a_limit_without_an_end_is_given_one(world: World, pull: AnyPull) -> None:
    for effect, least in WITHOUT_END[world.kind]:
        asked = datetime.now(UTC)
        until = await _limited_by(world, pull, effect)
        assert asked + least <= until < datetime.now(UTC) + LONGEST
    assert comments_of(pull) == []


async def test_the_forge_s_own_limits_are_told_as_well(world: World, pull: AnyPull) -> None:
    await world.ours.reader.pull_request(world.ref_of(pull))
    if isinstance(world.fake, FakeGitLab):
        world.fake.set_limits(GitLabLimits(per_minute=1))
    else:
        world.fake.set_limits(GitHubLimits(per_hour=1))
    # Two requests on the one forge, one on the other.
    with pytest.raises(RateLimited) as limited:
        await _read_twice(world, pull)
    assert limited.value.until > datetime.now(UTC)
    assert world.fake.limit_refusals == 1


async def test_lists_that_lag_behind_double_nothing(world: World, pull: AnyPull) -> None:
    ref, draft = world.ref_of(pull), draft_of(pull, comment_on(1, "pay.py", 5))
    review = await world.ours.writer.stage_review(ref, draft, look_first=False)
    world.fake.fault(ListLag(timedelta(minutes=1)), method="GET", count=100)

    async def submit(_: bool) -> object:
        return await world.ours.writer.submit_review(ref, review)

    try:
        await submit(False)
    except ForgeUnavailable:
        world.fake.server.faults.clear()
        await submit(True)
    assert len(threads_of(pull)) == 1
    assert len(bodies_of(pull)) == 1


async def _limited_by(world: World, pull: AnyPull, effect: Effect) -> datetime:
    """Until when nothing is to be sent, as a comment that meets this limit is told."""
    world.fake.fault(effect, method="POST", path="*/notes" if world.kind == "gitlab" else "*/comments")
    with pytest.raises(RateLimited) as limited:
        await world.ours.writer.comment(world.ref_of(pull), "words", "words", None, look_first=False)
    return limited.value.until


async def _read_twice(world: World, pull: AnyPull) -> None:
    for _ in range(2):
        await world.ours.reader.pull_request(world.ref_of(pull))


def _id_of(said: object) -> object:
    return getattr(said, "comment_id", None) or getattr(said, "note_id", None)
