"""The adapter against a GitHub that keeps state: whole stories, writes that were done although the answer said not."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from pydantic import SecretStr

from app.domain.errors import ForgeRefused, ForgeUnavailable, Gone, HeadMoved, RateLimited
from app.domain.events import CommentMade, Ignored, PullRequestChanged
from app.domain.markers import finding_marker, run_marker
from app.domain.pull_request import Permission, Person, PullRequestRef
from app.domain.review import CheckButton, CheckText, InlineComment, ReviewDraft
from app.forges.base import CommentRef
from app.forges.fake import faults
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, AppCredentials, FakeForge
from app.forges.fake.state import Flavour
from app.forges.registry import Connection, Forge, build
from tests.github.support import FINDING_ID, OTHER_RUN_ID, RUN_ID, RememberingLimits
from tests.harness.openapi import Contract, OfficialDescriptions

BEFORE = "def pay(order):\n    total = 1\n    return total\n"
AFTER = "def pay(order):\n    total = 1\n    refund(order)\n    store(order)\n    return total\n"
NOTE = "Fixed in 9c2e1aa."
WAITING = CheckText(title="Reviewing", summary="…")
DONE = CheckText(
    title="1 high",
    summary="all read",
    conclusion="neutral",
    buttons=(CheckButton(label="Review again", description="Once more", identifier="again"),),
)


@dataclass
class World:
    """A fake GitHub with an App installed, a pull request, and our adapter for it."""

    fake: FakeForge
    app: AppCredentials
    repo: FakeRepo
    pull: FakePullRequest
    ours: Forge
    ref: PullRequestRef

    @property
    def check_id(self) -> Callable[[str | None, bool], Awaitable[str]]:
        return lambda known, look: self.ours.writer.ensure_check(
            self.ref, self.pull.head_sha, RUN_ID, DONE, known, look_first=look
        )

    def draft(self, *, run_id: str = RUN_ID, line: int = 3, head_sha: str = "") -> ReviewDraft:
        comment = InlineComment(
            finding_id=FINDING_ID,
            path="pay.py",
            side="new",
            start_line=line,
            line=line,
            body=f"**High** Pays twice\n\n{finding_marker(FINDING_ID, run_id)}",
        )
        return ReviewDraft(
            run_id=run_id,
            head_sha=head_sha or self.pull.head_sha,
            body=f"**1 high**\n\n{run_marker(run_id)}",
            comments=(comment,),
        )

    async def post_review(self) -> str:
        """A submitted review with one thread; the thread's first comment."""
        review_id = await self.ours.writer.stage_review(self.ref, self.draft(), look_first=False)
        return (await self.ours.writer.submit_review(self.ref, review_id))[0].comment_id


def connected(app: AppCredentials, fake: FakeForge) -> Forge:
    connection = Connection(
        key="github",
        api_url=app.api_url,
        web_url=fake.url,
        app_id=app.app_id,
        private_key=SecretStr(app.private_key_pem),
        webhook_secrets=(SecretStr(app.webhook_secret),),
        slug=app.slug,
    )
    return build(connection, RememberingLimits())


@asynccontextmanager
async def a_world(flavour: Flavour = "github.com") -> AsyncGenerator[World]:
    async with FakeForge.start(flavour=flavour) as fake:
        repo = await fake.create_repo("acme/shop", files={"pay.py": BEFORE})
        app = await fake.install_app(permissions=FIX_PERMISSIONS, repos=[repo])
        pull = await repo.open_pull_request(changes={"pay.py": AFTER}, title="Refund on webhook retry")
        ours = connected(app, fake)
        ref = PullRequestRef(connection="github", repo_id=repo.repo_id, number=pull.number)
        try:
            yield World(fake, app, repo, pull, ours, ref)
        finally:
            await ours.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        yield made


@pytest.mark.parametrize("flavour", get_args(Flavour))
async def test_the_story_of_a_review(flavour: Flavour, official: OfficialDescriptions):
    """Every request of it is one that GitHub's own descriptions know."""
    async with a_world(flavour) as world:
        contract = Contract(official, answers_too=flavour == "github.com")
        contract.watch(world.fake)
        await tell_the_story(world)
        await use_the_rest(world)
        contract.assert_kept()
        assert len(contract.checked) >= 15
        assert len(contract.documents) == 3


async def tell_the_story(world: World) -> None:
    reader, writer = world.ours.reader, world.ours.writer
    read = await reader.pull_request(world.ref)
    assert (read.head_sha, read.repo.installation_id) == (world.pull.head_sha, str(world.app.installation_id))
    check_id = await writer.ensure_check(world.ref, read.head_sha, RUN_ID, WAITING, None, look_first=False)
    review_id = await writer.stage_review(world.ref, world.draft(), look_first=False)
    assert world.pull.reviews == []
    assert world.pull.threads == []
    posted = await writer.submit_review(world.ref, review_id)
    assert [one.finding_id for one in posted] == [FINDING_ID]
    await writer.ensure_check(world.ref, read.head_sha, RUN_ID, DONE, check_id, look_first=False)
    assert len(world.pull.reviews) == 1
    assert [(one.anchor.path, one.anchor.line) for one in world.pull.threads] == [("pay.py", 3)]
    assert [(one.status, one.conclusion, one.external_id) for one in world.pull.checks] == [
        ("completed", "neutral", RUN_ID)
    ]
    threads = await reader.threads(world.ref)
    assert [(one.finding_id, one.root_comment_id, one.resolved) for one in threads] == [
        (FINDING_ID, posted[0].comment_id, False)
    ]
    await writer.resolve_threads(world.ref, threads, NOTE)
    assert [one.resolved for one in await reader.threads(world.ref)] == [True]
    assert NOTE not in world.pull.story()


async def use_the_rest(world: World) -> None:
    """Whatever the adapter can send that a smooth review does not need."""
    reader, writer, ref, mark = world.ours.reader, world.ours.writer, world.ref, run_marker(RUN_ID)
    repo = (await reader.repositories())[0]
    await reader.open_pull_requests(repo)
    await reader.permission(repo, Person(user_id="1", login="maria"))
    await world.check_id(None, True)
    review_id = await writer.stage_review(ref, world.draft(line=300), look_first=False)
    assert await writer.stage_review(ref, world.draft(), look_first=True) == review_id
    await writer.discard_review(ref, review_id)
    thread = CommentRef(ref=ref, kind="thread", comment_id=str(world.pull.threads[0].comments[0].comment_id))
    await writer.comment(ref, mark, mark, thread, look_first=True)
    await writer.comment(ref, mark, mark, None, look_first=True)
    review = CommentRef(ref=ref, kind="review", comment_id=str(world.pull.reviews[0].review_id))
    below = CommentRef(ref=ref, kind="comment", comment_id=str(world.pull.comments[0].comment_id))
    for reference in (thread, review, below):
        await writer.react(reference, "eyes")
        await writer.react(reference, "done")


async def test_a_first_review_needs_eight_requests(world: World):
    reader, writer = world.ours.reader, world.ours.writer
    await reader.pull_request(world.ref)
    await writer.ensure_check(world.ref, world.pull.head_sha, RUN_ID, WAITING, None, look_first=False)
    before = len(world.fake.requests)
    await reader.pull_request(world.ref)
    check = await writer.ensure_check(world.ref, world.pull.head_sha, OTHER_RUN_ID, WAITING, None, look_first=False)
    await writer.ensure_check(world.ref, world.pull.head_sha, OTHER_RUN_ID, WAITING, check, look_first=False)
    review = await writer.stage_review(world.ref, world.draft(), look_first=False)
    await reader.pull_request(world.ref)
    await writer.submit_review(world.ref, review)
    await writer.ensure_check(world.ref, world.pull.head_sha, OTHER_RUN_ID, DONE, check, look_first=False)
    assert len(world.fake.requests) - before == 8


AFTER_APPLY = [
    faults.bad_gateway(after=True),
    faults.bad_gateway(503, after=True),
    faults.Reset(after=True),
    faults.Truncate(),
]


@pytest.mark.parametrize("effect", AFTER_APPLY, ids=["502", "503", "reset", "truncated"])
async def test_a_write_that_was_done_unheard_is_done_once(world: World, effect: faults.Effect):
    writer, ref = world.ours.writer, world.ref
    mark = run_marker(RUN_ID)
    below = f"A text.\n\n{mark}"

    world.fake.fault(effect, method="POST", path="*/check-runs")
    with pytest.raises(ForgeUnavailable):
        await world.check_id(None, False)
    check_id = await world.check_id(None, True)
    assert [str(one.check_id) for one in world.pull.checks] == [check_id]

    world.fake.fault(effect, method="POST", path="*/reviews")
    with pytest.raises(ForgeUnavailable):
        await writer.stage_review(ref, world.draft(), look_first=False)
    review_id = await writer.stage_review(ref, world.draft(), look_first=True)
    assert [str(one.review_id) for one in world.pull.pending_reviews] == [review_id]

    world.fake.fault(effect, method="POST", path="*/events")
    with pytest.raises(ForgeUnavailable):
        await writer.submit_review(ref, review_id)
    posted = await writer.submit_review(ref, review_id)
    assert len(posted) == len(world.pull.reviews) == len(world.pull.threads) == 1

    world.fake.fault(effect, method="POST", path="*/issues/*/comments")
    with pytest.raises(ForgeUnavailable):
        await writer.comment(ref, below, mark, None, look_first=False)
    comment_id = await writer.comment(ref, below, mark, None, look_first=True)
    assert [str(one.comment_id) for one in world.pull.comments] == [comment_id]

    thread = CommentRef(ref=ref, kind="thread", comment_id=posted[0].comment_id)
    world.fake.fault(effect, method="POST", path="*/replies")
    with pytest.raises(ForgeUnavailable):
        await writer.comment(ref, below, mark, thread, look_first=False)
    reply_id = await writer.comment(ref, below, mark, thread, look_first=True)
    assert [str(one.comment_id) for one in world.pull.threads[0].comments] == [posted[0].comment_id, reply_id]


async def test_a_write_that_was_not_done_is_done_by_the_next_try(world: World):
    for path in ("*/check-runs", "*/reviews", "*/events"):
        world.fake.fault(faults.bad_gateway(), method="POST", path=path)
        world.fake.fault(faults.Reset(), method="POST", path=path, nth=2)
    outcomes: list[str] = []
    while "posted" not in outcomes:
        try:
            await world.check_id(None, bool(outcomes))
            review_id = await world.ours.writer.stage_review(world.ref, world.draft(), look_first=bool(outcomes))
            await world.ours.writer.submit_review(world.ref, review_id)
            outcomes.append("posted")
        except ForgeUnavailable:
            outcomes.append("unavailable")
    assert len(outcomes) > 3
    assert (len(world.pull.checks), len(world.pull.reviews), len(world.pull.threads)) == (1, 1, 1)


LIMITS: list[tuple[str, Callable[[], faults.Effect], timedelta]] = [
    ("seconds", lambda: faults.secondary_with_retry_after(timedelta(seconds=90)), timedelta(seconds=90)),
    ("date", lambda: faults.secondary_with_date(datetime.now(UTC) + timedelta(minutes=5)), timedelta(minutes=5)),
    ("reset", lambda: faults.secondary_with_reset(datetime.now(UTC) + timedelta(minutes=20)), timedelta(minutes=20)),
    ("text", faults.secondary_as_text, timedelta(minutes=1)),
    ("abuse", faults.secondary_as_abuse, timedelta(minutes=1)),
    ("429", faults.too_many_requests, timedelta(minutes=1)),
]


@pytest.mark.parametrize(("name", "effect", "wait"), LIMITS, ids=[one[0] for one in LIMITS])
async def test_a_limit_is_waited_for_and_then_forgotten(
    world: World, name: str, effect: Callable[[], faults.Effect], wait: timedelta
):
    world.fake.fault(effect(), method="POST", path="*/reviews")
    with pytest.raises(RateLimited) as caught:
        await world.ours.writer.stage_review(world.ref, world.draft(), look_first=False)
    assert abs(caught.value.until - datetime.now(UTC) - wait) < timedelta(seconds=10)
    await world.post_review()
    assert len(world.pull.reviews) == 1


async def test_a_revoked_token_costs_one_more_try(world: World):
    world.fake.fault(faults.token_revoked(), method="POST", path="*/reviews")
    await world.post_review()
    assert [one.status for one in world.fake.requests if one.path.endswith("/reviews")] == [401, 200]


async def test_a_token_that_ran_out_is_replaced(world: World):
    await world.check_id(None, False)
    for token in world.fake.github.tokens.values():
        token.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    await world.post_review()
    assert len(world.pull.reviews) == 1
    assert [one.status for one in world.fake.requests if one.path.endswith("/reviews")] == [401, 200]


async def test_what_was_taken_away_is_said_plainly(world: World):
    world.fake.fault(faults.permission_removed(), method="POST", path="*/reviews")
    with pytest.raises(ForgeRefused, match="not accessible"):
        await world.ours.writer.stage_review(world.ref, world.draft(), look_first=False)
    world.fake.uninstall(world.app.installation_id)
    with pytest.raises(ForgeRefused):
        await world.ours.reader.pull_request(world.ref)
    with pytest.raises(Gone):
        await world.ours.reader.pull_request(world.ref)


async def test_a_head_pushed_away_is_noticed_before_anything_is_shown(world: World):
    old = world.pull.head_sha
    await world.pull.force_push({"pay.py": AFTER + "# again\n"})
    with pytest.raises(HeadMoved) as caught:
        await world.ours.writer.stage_review(world.ref, world.draft(head_sha=old), look_first=False)
    assert caught.value.head_sha == world.pull.head_sha
    assert world.pull.reviews == []


async def test_a_left_over_of_an_older_run_blocks_nothing(world: World):
    writer, ref = world.ours.writer, world.ref
    await writer.stage_review(ref, world.draft(run_id=OTHER_RUN_ID), look_first=False)
    comment_id = await world.post_review()
    assert len(world.pull.reviews) == 1
    await writer.stage_review(ref, world.draft(run_id=OTHER_RUN_ID), look_first=False)
    mark = run_marker(RUN_ID)
    await writer.comment(ref, mark, mark, CommentRef(ref=ref, kind="thread", comment_id=comment_id), look_first=False)
    assert len(world.pull.threads[0].comments) == 2
    assert world.pull.pending_reviews == []


async def test_a_discarded_review_was_never_seen(world: World):
    review_id = await world.ours.writer.stage_review(world.ref, world.draft(), look_first=False)
    await world.ours.writer.discard_review(world.ref, review_id)
    await world.ours.writer.discard_review(world.ref, review_id)
    assert (world.pull.pending_reviews, world.pull.reviews) == ([], [])


async def test_a_place_outside_the_diff_goes_into_the_body(world: World):
    review_id = await world.ours.writer.stage_review(world.ref, world.draft(line=300), look_first=False)
    assert await world.ours.writer.submit_review(world.ref, review_id) == []
    assert "`pay.py:300`" in world.pull.reviews[0].body


async def test_who_may_not_resolve_says_so_in_the_comment(world: World):
    app = await world.fake.install_app("Readers", repos=[world.repo])
    world.ours = connected(app, world.fake)
    await world.post_review()
    threads = await world.ours.reader.threads(world.ref)
    for _ in range(2):
        await world.ours.writer.resolve_threads(world.ref, threads, NOTE)
    body = world.pull.threads[0].comments[0].body
    assert body.count(NOTE) == 1
    assert body.endswith(finding_marker(FINDING_ID, RUN_ID))
    assert not (await world.ours.reader.threads(world.ref))[0].resolved
    await world.ours.close()


async def test_people_and_their_rights(world: World):
    repo = (await world.ours.reader.repositories())[0]
    assert (repo.full_name, repo.installation_id) == ("acme/shop", str(world.app.installation_id))
    for login, role in (("maria", Permission.WRITE), ("sam", Permission.TRIAGE), ("eve", Permission.NONE)):
        world.repo.set_role(login, role)
        person = Person(user_id=str(world.fake.user(login).user_id), login=login)
        assert await world.ours.reader.permission(repo, person) is role
    me = await world.ours.reader.me()
    assert (me.login, me.is_bot) == (world.app.slug, True)
    assert [one.ref for one in await world.ours.reader.open_pull_requests(repo)] == [world.ref]


async def test_an_emoji_on_every_kind_of_words(world: World):
    said = world.pull.comment("/corrigent review")
    comment_id = await world.post_review()
    writer = world.ours.writer
    for kind, number in (("comment", str(said.comment_id)), ("thread", comment_id)):
        reference = CommentRef(ref=world.ref, kind="comment" if kind == "comment" else "thread", comment_id=number)
        await writer.react(reference, "eyes")
        await writer.react(reference, "eyes")
    assert [one.content for one in said.reactions] == ["eyes"]
    assert [one.content for one in world.pull.threads[0].comments[0].reactions] == ["eyes"]


async def test_missed_deliveries_are_found_and_understood(world: World):
    since = datetime.now(UTC) - timedelta(minutes=5)
    world.fake.webhook_url = "http://127.0.0.1:9/nobody-listens"
    await world.pull.push({"pay.py": AFTER + "# more\n"})
    world.pull.comment("/corrigent review")
    await world.fake.deliveries_answered()
    missed = await world.ours.inbox.missed(since, set())
    events = [world.ours.inbox.parse(one.headers, one.body) for one in missed]
    kinds = [type(event) for event in events if not isinstance(event, Ignored)]
    assert kinds == [PullRequestChanged, CommentMade]
    known = {one.delivery_id for one in missed}
    assert await world.ours.inbox.missed(since, known) == []


async def test_a_renamed_repository_is_the_same_repository(world: World):
    await world.post_review()
    await world.ours.reader.pull_request(world.ref)
    world.repo.rename("store")
    assert len(await world.ours.reader.threads(world.ref)) == 1
    read = await world.ours.reader.pull_request(world.ref)
    assert (await world.ours.reader.git_access(read.repo)).url == f"{world.fake.url}/acme/store.git"
