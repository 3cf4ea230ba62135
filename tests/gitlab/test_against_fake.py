"""The adapter against a GitLab that keeps state and carries out every command that it finds."""

import pytest
from pydantic import JsonValue, SecretStr

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited
from app.domain.events import CommentMade, PullRequestChanged, RerunRequested
from app.domain.pull_request import Permission, Person
from app.domain.review import CheckText
from app.forges.base import CommentRef
from app.forges.fake.faults import Refuse, bad_gateway
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.errors import says
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.gitlab import routes
from app.forges.registry import build
from tests.gitlab.support import RememberingLimits, comment, finding_id
from tests.gitlab.world import World, a_client, post, review_of

WORKING = CheckText(title="Reviewing", summary="…")
CLEAN = CheckText(title="No problems found", summary="all read", conclusion="success")
ADVICE = CheckText(title="1 high", summary="one", conclusion="neutral")
BLOCKED = CheckText(title="1 high · 12 files reviewed", summary="one", conclusion="failure")
SUPERSEDED = CheckText(title="Superseded by abc1234", summary="", conclusion="cancelled")


async def test_thirty_comments_take_at_most_thirty_five_requests(world: World) -> None:
    changes = {f"part_{number}.py": "one\ntwo\n" for number in range(30)}
    pull = await world.project.open_pull_request(changes=changes, branch="many")
    comments = [comment(number + 1, path=f"part_{number}.py") for number in range(30)]
    await world.forge.reader.pull_request(world.ref(pull))
    before = len(world.fake.requests)
    await post(world, pull, review_of(pull, *comments))
    assert len(pull.threads) == 30
    assert len(world.sent(before)) <= 35, world.sent(before)


async def test_nothing_that_we_write_is_carried_out(world: World, pull: FakeMergeRequest) -> None:
    """Were each text only right as it stands on its own, an edit or a thread would still do it."""
    bad = "/merge\n\n/approve\r\n- /close\n> /label ~x\n\n```\n/rebase\n```\n<b>\n/assign @maria\n</b>\n`a`\n/draft"
    writer, ref = world.forge.writer, world.ref(pull)
    await post(world, pull, review_of(pull, comment(1, body=bad), body=f"{bad}\n\n{bad}"))
    await writer.comment(ref, bad, "", None, look_first=False)
    (thread,) = pull.threads
    at = CommentRef(ref=ref, kind="thread", comment_id="1", root_comment_id=thread.discussion_id)
    await writer.comment(ref, bad, "", at, look_first=False)
    await world.told(pull, BLOCKED.model_copy(update={"title": bad}))
    assert [(action.where, action.word) for action in pull.quick_actions] == []
    assert pull.item.state == "opened"
    assert len(pull.comments) >= 2


ROLES = [
    (Access.OWNER, Permission.ADMIN),
    (Access.MAINTAINER, Permission.MAINTAIN),
    (Access.DEVELOPER, Permission.WRITE),
    (Access.REPORTER, Permission.TRIAGE),
    (Access.PLANNER, Permission.READ),
    (Access.GUEST, Permission.READ),
    (Access.MINIMAL, Permission.NONE),
    (None, Permission.NONE),
]


async def test_what_a_person_may_do_is_their_role(world: World) -> None:
    repo = await world.repo()
    found: list[tuple[Access | None, Permission]] = []
    for access, _ in ROLES:
        user = world.fake.user(f"person-{access}")
        if access is not None:
            world.project.set_role(user.username, access)
        person = Person(user_id=str(user.user_id), login=user.username)
        found.append((access, await world.forge.reader.permission(repo, person)))
    assert found == ROLES
    assert await world.forge.reader.permission(repo, Person(user_id="999999", login="gone")) is Permission.NONE


async def test_outsiders_read_what_is_public_as_long_as_they_exist(world: World) -> None:
    repo = (await world.repo()).model_copy(update={"private": False})
    user = world.fake.user("outsider")
    person = Person(user_id=str(user.user_id), login=user.username)
    assert await world.forge.reader.permission(repo, person) is Permission.READ
    assert await world.forge.reader.permission(repo, Person(user_id="999999", login="gone")) is Permission.NONE


async def test_a_merge_request_is_read_as_it_is(world: World, pull: FakeMergeRequest) -> None:
    found = await world.forge.reader.pull_request(world.ref(pull))
    assert found.repo.full_name == "acme/backend/shop"
    assert (found.head_sha, found.head_ref, found.base_ref) == (pull.head_sha, "refunds", "main")
    assert found.head_git_ref == f"refs/merge-requests/{pull.number}/head"
    assert found.base_sha == await world.project.git.resolve("main")
    assert (found.state, found.draft, found.from_fork, found.url) == ("open", False, False, pull.url)
    (listed,) = await world.forge.reader.open_pull_requests(found.repo)
    assert listed == found


async def test_what_gitlab_has_not_prepared_is_asked_for_again(world: World) -> None:
    world.fake.gitlab.unprepared_reads = 1
    pull = await world.project.open_pull_request(changes={"a.py": "a\n"}, branch="a")
    with pytest.raises(ForgeUnavailable, match="still preparing"):
        await world.forge.reader.pull_request(world.ref(pull))
    assert (await world.forge.reader.pull_request(world.ref(pull))).head_sha == pull.head_sha


async def test_a_fork_that_is_gone_has_no_repository(world: World, fork: FakeProject) -> None:
    pull = await world.project.open_pull_request(author="sam", from_fork=fork, branch="x", changes={"a.py": "a\n"})
    assert (await world.forge.reader.pull_request(world.ref(pull))).head_repo_id == fork.repo_id
    pull.delete_fork()
    found = await world.forge.reader.pull_request(world.ref(pull))
    assert (found.head_repo_id, found.from_fork, found.head_sha) == (None, True, pull.head_sha)


async def test_a_project_that_moved_is_found_by_its_number(world: World, pull: FakeMergeRequest) -> None:
    repo = await world.repo()
    world.project.transfer("other/group")
    world.project.rename("store")
    found = await world.forge.reader.pull_request(world.ref(pull))
    assert found.repo.full_name == "other/group/store"
    # Whoever still has the former name is led to the new one.
    assert (await world.forge.reader.git_access(repo)).url == f"{world.fake.url}/other/group/store.git"


async def test_a_write_that_went_through_unheard_is_not_done_twice(world: World, pull: FakeMergeRequest) -> None:
    review = review_of(pull, comment(1), comment(2, line=50, start_line=50))
    writer, ref = world.forge.writer, world.ref(pull)
    for path, nth in (("*/draft_notes", 2), ("*/bulk_publish", 1), ("*/notes", 1)):
        world.fake.fault(bad_gateway(after=True), method="POST", path=path, nth=nth)
    with pytest.raises(ForgeUnavailable):
        await writer.stage_review(ref, review, look_first=False)
    assert len(pull.drafts) == 2
    staged = await writer.stage_review(ref, review, look_first=True)
    assert len(pull.drafts) == 2
    for _ in range(2):
        with pytest.raises(ForgeUnavailable):
            await writer.submit_review(ref, staged)
    for _ in range(2):
        posted = await writer.submit_review(ref, staged)
        assert [one.finding_id for one in posted] == [finding_id(1), finding_id(2)]
    assert (len(pull.threads), len(pull.comments)) == (2, 1)


async def test_what_was_published_before_its_draft_was_deleted_is_not_published_again(
    world: World, pull: FakeMergeRequest
) -> None:
    """GitLab makes all notes and then deletes all drafts; a process that comes after a cut finds both."""
    ref, review = world.ref(pull), review_of(pull, comment(1), comment(2, line=50, start_line=50))
    staged = await world.forge.writer.stage_review(ref, review, look_first=False)
    successor, by_hand = build(world.forge.connection, RememberingLimits()), a_client(world.forge.connection)
    try:
        body: dict[str, JsonValue] = {"body": review.comments[0].body}
        await by_hand.send(routes.CREATE_DISCUSSION, json=body, repo=ref.repo_id, number=ref.number)
        posted = await successor.writer.submit_review(ref, staged)
    finally:
        await successor.close()
        await by_hand.close()
    assert sorted(one.finding_id for one in posted) == [finding_id(1), finding_id(2)]
    assert len([one for one in pull.item.discussions if one.resolvable]) == 2
    assert len(pull.drafts) == 0


async def test_a_review_s_body_is_no_thread_that_somebody_must_resolve(world: World, pull: FakeMergeRequest) -> None:
    await post(world, pull, review_of(pull, comment(1), body="**1 high** in 1 file."))
    (said,) = pull.comments
    assert said.body.startswith("**1 high** in 1 file.")
    assert not said.discussion.resolvable


async def test_what_gitlab_takes_at_no_line_is_named_in_the_body(world: World, pull: FakeMergeRequest) -> None:
    await post(world, pull, review_of(pull, comment(1), comment(2, line=900), comment(3, path="gone.py")))
    assert len(pull.threads) == 1
    (said,) = pull.comments
    assert "No comment could be placed at `billing.py:900`, `gone.py:2`: see the check." in said.body


async def test_a_person_s_own_drafts_are_never_published(world: World, pull: FakeMergeRequest) -> None:
    """Under a person's token, their drafts and ours lie in one heap."""
    maria = world.fake.user("maria")
    world.project.set_role("maria", Access.MAINTAINER)
    token = SecretStr(world.fake.personal_token("maria"))
    connection = world.forge.connection.model_copy(update={"token": token, "user_id": maria.user_id})
    theirs, by_hand = build(connection, RememberingLimits()), a_client(connection)
    try:
        ref, review = world.ref(pull), review_of(pull, comment(1))
        staged = await theirs.writer.stage_review(ref, review, look_first=False)
        await by_hand.send(routes.CREATE_DRAFT, json={"note": "Not yet said."}, repo=ref.repo_id, number=ref.number)
        await theirs.writer.submit_review(ref, staged)
        assert [one.body for one in pull.drafts] == ["Not yet said."]
        assert len(pull.threads) == 1
    finally:
        await theirs.close()
        await by_hand.close()


async def test_suggestions_replace_the_lines_they_stand_on(world: World, pull: FakeMergeRequest) -> None:
    body = "Use three.\n\n```suggestion\nthree\n```"
    await post(world, pull, review_of(pull, comment(1, start_line=1, line=3, body=body)))
    (thread,) = pull.threads
    assert "```suggestion:-2+0\nthree\n```" in thread.notes[0].body


async def test_a_limit_says_until_when(world: World, pull: FakeMergeRequest) -> None:
    world.fake.fault(Refuse(says(429, "Retry later")), path="*/merge_requests/*")
    with pytest.raises(RateLimited):
        await world.forge.reader.pull_request(world.ref(pull))


async def test_an_archived_project_takes_no_words(world: World, pull: FakeMergeRequest) -> None:
    world.project.archive()
    assert (await world.forge.reader.pull_request(world.ref(pull))).repo.archived
    with pytest.raises(ForgeRefused):
        await world.forge.writer.comment(world.ref(pull), "Hello.", "", None, look_first=False)


async def test_from_a_delivery_to_a_posted_review(world: World, pull: FakeMergeRequest) -> None:
    """Signed deliveries tell of a merge request, a command and a wish for a review; the review is read back."""
    pull.comment("/corrigent status")
    pull.request_review(world.bot.username)
    await pull.push({"billing.py": "one\ntwo, mended\n"})
    events: list[object] = []
    for delivery in world.fake.deliveries:
        headers = {name.lower(): value for name, value in delivery.headers.items()}
        world.forge.inbox.verify(headers, delivery.body)
        events.append(world.forge.inbox.parse(headers, delivery.body))
    heard = [event for event in events if isinstance(event, PullRequestChanged | CommentMade | RerunRequested)]
    assert [type(event).__name__ for event in heard] == [
        "PullRequestChanged",
        "CommentMade",
        "RerunRequested",
        "PullRequestChanged",
    ]
    found = await world.forge.reader.pull_request(world.ref(pull))
    assert heard[-1] == PullRequestChanged(
        ref=found.ref, repo=found.repo, change="pushed", head_sha=found.head_sha, sender=found.author
    )
    await post(world, pull, review_of(pull, comment(1)))
    (thread,) = await world.forge.reader.threads(found.ref)
    assert (thread.finding_id, thread.resolved, thread.outdated) == (finding_id(1), False, False)
