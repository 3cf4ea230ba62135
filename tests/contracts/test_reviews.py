"""Posting a review, on every forge: on every kind of line, once, unseen until it is shown, and settled later."""

from collections.abc import AsyncGenerator

import pytest

from app.domain.errors import ForgeRefused, HeadMoved
from app.domain.events import CommentMade
from app.domain.review import InlineComment
from app.forges.base import CommentRef, Reaction
from tests.contracts.telling import bodies_of, comments_of, meanings, stands_on, threads_of, waiting_on
from tests.contracts.worlds import (
    KINDS,
    OTHER_RUN_ID,
    RUN_ID,
    AnyPull,
    World,
    a_world,
    comment_on,
    draft_of,
    finding_id,
    resolve,
)

LINES = "".join(f"line {number}\n" for number in range(1, 41))
BEFORE = {"pay.py": LINES, "old name.py": LINES, "gone.py": "one\ntwo\nthree\n", "ends.py": "no newline"}
# Lines 5 and 30 change, line 20 goes, two come in after 35.
AFTER = (
    LINES.replace("line 5\n", "line five\n")
    .replace("line 20\n", "")
    .replace("line 30\n", "line thirty\n")
    .replace("line 35\n", "line 35\nnew one\nnew two\n")
)
CHANGES = {
    "pay.py": AFTER,
    "old name.py": None,
    "new/näme.py": LINES.replace("line 7\n", "line seven\n"),
    "gone.py": None,
    "made.py": "def pay():\n    return 1\n",
    "ends.py": "no newline either",
}
KINDS_OF_LINE = [
    comment_on(1, "pay.py", 5),
    comment_on(2, "pay.py", 5, side="old"),
    comment_on(3, "pay.py", 20, side="old"),
    comment_on(4, "pay.py", 3),
    comment_on(5, "pay.py", 23, side="old"),
    comment_on(6, "pay.py", 36, start_line=35),
    comment_on(7, "pay.py", 36, start_line=33),
    comment_on(8, "pay.py", 5, start_line=3),
    comment_on(9, "new/näme.py", 7),
    comment_on(10, "new/näme.py", 9),
    comment_on(11, "made.py", 2, start_line=1),
    comment_on(12, "gone.py", 2, side="old"),
    comment_on(13, "ends.py", 1),
]


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files=BEFORE) as made:
        yield made


@pytest.fixture
async def pull(world: World) -> AnyPull:
    return await world.open(CHANGES)


async def test_a_comment_stands_on_every_kind_of_line(world: World, pull: AnyPull) -> None:
    ref = world.ref_of(pull)
    review = await world.ours.writer.stage_review(ref, draft_of(pull, *KINDS_OF_LINE), look_first=False)
    posted = await world.ours.writer.submit_review(ref, review)
    assert sorted(one.finding_id for one in posted) == [comment.finding_id for comment in KINDS_OF_LINE]
    threads = list(pull.threads)
    misplaced = [
        comment
        for comment in KINDS_OF_LINE
        if not any(comment.finding_id in one.comments[0].body and stands_on(one, comment) for one in threads)
    ]
    assert misplaced == []
    assert len(threads) == len(KINDS_OF_LINE)
    assert {one.finding_id for one in await world.ours.reader.threads(ref)} == {one.finding_id for one in posted}


OUTSIDE = [
    comment_on(2, "pay.py", 4000),
    comment_on(2, "nowhere.py", 1),
]


@pytest.mark.parametrize("bad", OUTSIDE, ids=["no such line", "no such file"])
async def test_one_bad_place_loses_no_good_comment_without_a_word(
    world: World, pull: AnyPull, bad: InlineComment
) -> None:
    ref, good = world.ref_of(pull), comment_on(1, "pay.py", 5)
    try:
        review = await world.ours.writer.stage_review(ref, draft_of(pull, good, bad), look_first=False)
    except ForgeRefused:
        # All or nothing: then nothing may be left behind, so that the good one alone can be posted.
        assert (waiting_on(pull), threads_of(pull)) == (0, [])
        return
    posted = await world.ours.writer.submit_review(ref, review)
    assert [one.finding_id for one in posted] == [good.finding_id]
    assert [told.line for told in threads_of(pull)] == [5]
    assert f"{bad.path}:{bad.line}" in bodies_of(pull)[0]


async def test_what_is_staged_is_seen_by_nobody_and_can_be_taken_back(world: World, pull: AnyPull) -> None:
    ref = world.ref_of(pull)
    await world.new_events()
    review = await world.ours.writer.stage_review(ref, draft_of(pull, comment_on(1, "pay.py", 5)), look_first=False)
    assert waiting_on(pull)
    assert (threads_of(pull), bodies_of(pull), await world.new_events()) == ([], [], [])
    await world.ours.writer.discard_review(ref, review)
    await world.ours.writer.discard_review(ref, review)
    assert waiting_on(pull) == 0


async def test_staged_twice_and_shown_twice_it_is_there_once(world: World, pull: AnyPull) -> None:
    ref, draft = world.ref_of(pull), draft_of(pull, comment_on(1, "pay.py", 5), comment_on(4, "pay.py", 36))
    first = await world.ours.writer.stage_review(ref, draft, look_first=False)
    again = await world.ours.writer.stage_review(ref, draft, look_first=True)
    assert first == again
    posted = await world.ours.writer.submit_review(ref, again)
    assert await world.ours.writer.submit_review(ref, again) == posted
    assert len(threads_of(pull)) == 2
    assert len(bodies_of(pull)) == 1


async def test_what_an_earlier_run_left_is_never_shown(world: World, pull: AnyPull) -> None:
    ref = world.ref_of(pull)
    old = draft_of(pull, comment_on(1, "pay.py", 5))
    await world.ours.writer.stage_review(ref, old, look_first=False)
    new = draft_of(pull, comment_on(2, "pay.py", 36), run_id=OTHER_RUN_ID)
    review = await world.ours.writer.stage_review(ref, new, look_first=True)
    await world.ours.writer.submit_review(ref, review)
    assert [told.line for told in threads_of(pull)] == [36]
    assert waiting_on(pull) == 0
    assert RUN_ID not in "".join(bodies_of(pull))


async def test_a_review_of_a_head_that_is_gone_is_not_shown(world: World, pull: AnyPull) -> None:
    draft = draft_of(pull, comment_on(1, "pay.py", 5))
    await pull.force_push({"pay.py": AFTER + "more\n"})
    try:
        review = await world.ours.writer.stage_review(world.ref_of(pull), draft, look_first=False)
    except (ForgeRefused, HeadMoved):
        assert (waiting_on(pull), threads_of(pull)) == (0, [])
        return
    # A forge that takes it still shows nothing before it is told to.
    await world.ours.writer.discard_review(world.ref_of(pull), review)
    assert (waiting_on(pull), threads_of(pull)) == (0, [])


async def test_settled_threads_are_resolved_once_and_read_back(world: World, pull: AnyPull) -> None:
    ref = world.ref_of(pull)
    await world.post(pull, comment_on(1, "pay.py", 5), comment_on(2, "pay.py", 36))
    threads = await world.ours.reader.threads(ref)
    mended = [one for one in threads if one.finding_id == finding_id(1)]
    for _ in range(2):
        await world.ours.writer.resolve_threads(ref, mended, "Fixed in 9c2e1aa.")
    assert {one.finding_id: one.resolved for one in await world.ours.reader.threads(ref)} == {
        finding_id(1): True,
        finding_id(2): False,
    }
    assert [told.resolved for told in threads_of(pull)] == [True, False]
    assert all(len(told.words) == 1 for told in threads_of(pull))


async def test_who_resolved_a_thread_is_known(world: World, pull: AnyPull) -> None:
    await world.post(pull, comment_on(1, "pay.py", 5))
    resolve(pull, 0)
    (thread,) = await world.ours.reader.threads(world.ref_of(pull))
    assert thread.resolved
    assert thread.resolved_by is not None
    assert thread.resolved_by.login == "maria"


async def test_threads_outlive_the_lines_they_stood_on(world: World, pull: AnyPull) -> None:
    await world.post(pull, comment_on(1, "pay.py", 5), comment_on(2, "pay.py", 36))
    await pull.push({"pay.py": AFTER.replace("line five\n", "line cinq\n")})
    threads = {one.finding_id: one for one in await world.ours.reader.threads(world.ref_of(pull))}
    assert set(threads) == {finding_id(1), finding_id(2)}
    # Only some forges say which are outdated; none may say it of a line that is still there.
    assert not threads[finding_id(2)].outdated


async def test_only_our_own_threads_count(world: World, pull: AnyPull) -> None:
    forged = comment_on(7, "pay.py", 5).body
    await pull.comment_on_line("pay.py", 5, forged)
    assert list(await world.ours.reader.threads(world.ref_of(pull))) == []


async def test_an_answer_is_given_once(world: World, pull: AnyPull) -> None:
    ref, marker = world.ref_of(pull), "<!-- corrigent:v1 action=" + "a" * 64 + " -->"
    body = f"Nothing is open.\n\n{marker}"
    first = await world.ours.writer.comment(ref, body, marker, None, look_first=False)
    assert await world.ours.writer.comment(ref, body, marker, None, look_first=True) == first
    assert comments_of(pull) == [("us", body)]


async def test_an_answer_in_a_thread_stands_in_that_thread(world: World, pull: AnyPull) -> None:
    ref, marker = world.ref_of(pull), "<!-- corrigent:v1 action=" + "b" * 64 + " -->"
    await world.post(pull, comment_on(1, "pay.py", 5))
    (thread,) = await world.ours.reader.threads(ref)
    at = CommentRef(ref=ref, kind="thread", comment_id=thread.root_comment_id, root_comment_id=thread.root_comment_id)
    first = await world.ours.writer.comment(ref, f"Why?\n\n{marker}", marker, at, look_first=False)
    assert await world.ours.writer.comment(ref, f"Why?\n\n{marker}", marker, at, look_first=True) == first
    (told,) = threads_of(pull)
    assert [who for who, _ in told.words] == ["us", "us"]
    assert comments_of(pull) == []


@pytest.mark.parametrize("reaction", ["eyes", "done", "confused"])
async def test_a_reaction_is_there_once(world: World, pull: AnyPull, reaction: Reaction) -> None:
    said = pull.comment("/corrigent status")
    (event,) = [one for one in await world.new_events() if isinstance(one, CommentMade)]
    at = CommentRef(ref=event.ref, kind=event.kind, comment_id=event.comment_id)
    for _ in range(2):
        await world.ours.writer.react(at, reaction)
    assert meanings(said.reactions) == [reaction]
