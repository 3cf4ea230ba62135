"""The adapter against a GitLab that keeps state and carries out every command that it finds."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited
from app.domain.events import CommentMade, PullRequestChanged, RerunRequested
from app.domain.pull_request import Permission, Person, PullRequestRef, Repo
from app.domain.review import CheckText, InlineComment, ReviewDraft
from app.forges.base import CommentRef
from app.forges.fake.faults import Refuse, bad_gateway
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.errors import says
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from app.forges.gitlab import routes
from app.forges.gitlab.client import GitLabClient
from app.forges.registry import Connection, Forge, build
from tests.gitlab.support import OTHER_RUN_ID, RUN_ID, RememberingLimits, comment, draft, finding_id

LINES = "".join(f"line {number}\n" for number in range(1, 61))
WORKING = CheckText(title="Reviewing", summary="…")
CLEAN = CheckText(title="No problems found", summary="all read", conclusion="success")
ADVICE = CheckText(title="1 high", summary="one", conclusion="neutral")
BLOCKED = CheckText(title="1 high · 12 files reviewed", summary="one", conclusion="failure")
SUPERSEDED = CheckText(title="Superseded by abc1234", summary="", conclusion="cancelled")


@dataclass
class World:
    fake: FakeGitLab
    project: FakeProject
    bot: BotCredentials
    forge: Forge

    def ref(self, pull: FakeMergeRequest) -> PullRequestRef:
        return PullRequestRef(connection="gitlab", repo_id=self.project.repo_id, number=pull.number)

    async def repo(self) -> Repo:
        (repo,) = await self.forge.reader.repositories()
        return repo

    async def told(self, pull: FakeMergeRequest, text: CheckText, *, run_id: str = RUN_ID, new: bool = False) -> None:
        known = None if new else run_id
        await self.forge.writer.ensure_check(self.ref(pull), pull.head_sha, run_id, text, known, look_first=False)

    def sent(self, since: int) -> list[str]:
        return [f"{seen.method} {seen.path.rpartition('/merge_requests/')[2]}" for seen in self.fake.requests[since:]]


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    async with FakeGitLab.start(prefix="/git") as fake:
        fake.webhook_url = "http://127.0.0.1:9/hooks/gitlab"
        project = await fake.create_repo("acme/backend/shop", files={"billing.py": LINES})
        bot = await fake.install_bot(repos=[project], signed=True)
        connection = Connection(
            key="gitlab",
            kind="gitlab",
            api_url=bot.api_url,
            web_url=fake.url,
            token=SecretStr(bot.token),
            signing_tokens=(SecretStr(bot.signing_token),),
            user_id=bot.user_id,
            slug=bot.username,
        )
        forge = build(connection, RememberingLimits())
        fake.hold_deliveries()
        yield World(fake, project, bot, forge)
        await forge.close()


@pytest.fixture
async def pull(world: World) -> FakeMergeRequest:
    changed = LINES.replace("line 2\n", "two, mended\n").replace("line 50\n", "fifty\n")
    return await world.project.open_pull_request(changes={"billing.py": changed}, branch="refunds")


def emoji(pull: FakeMergeRequest) -> list[str]:
    return sorted(one.name for one in pull.item.reactions)


def review_of(pull: FakeMergeRequest, *comments: InlineComment, body: str = "Two findings.") -> ReviewDraft:
    return draft(*comments, body=body).model_copy(update={"head_sha": pull.head_sha})


async def post(world: World, pull: FakeMergeRequest, review: ReviewDraft) -> None:
    staged = await world.forge.writer.stage_review(world.ref(pull), review, look_first=False)
    await world.forge.writer.submit_review(world.ref(pull), staged)


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


async def test_advice_is_an_emoji_and_no_status(world: World, pull: FakeMergeRequest) -> None:
    await world.told(pull, WORKING, new=True)
    assert emoji(pull) == ["eyes"]
    await world.told(pull, CheckText(title="Waiting", summary=""))
    assert emoji(pull) == ["eyes"]
    await world.told(pull, CLEAN)
    assert emoji(pull) == ["white_check_mark"]
    await pull.push({"billing.py": "worse\n"})
    await world.told(pull, WORKING, run_id=OTHER_RUN_ID, new=True)
    assert emoji(pull) == ["eyes"]
    await world.told(pull, ADVICE, run_id=OTHER_RUN_ID)
    assert emoji(pull) == []
    assert list(pull.checks) == []


async def test_a_superseded_run_leaves_the_emoji_to_its_successor(world: World, pull: FakeMergeRequest) -> None:
    await world.told(pull, WORKING, new=True)
    await world.told(pull, SUPERSEDED)
    assert emoji(pull) == ["eyes"]


async def test_emoji_of_people_are_theirs(world: World, pull: FakeMergeRequest) -> None:
    pull.react(None, "white_check_mark")
    await world.told(pull, WORKING, new=True)
    await world.told(pull, ADVICE)
    assert [(one.name, one.user.username) for one in pull.item.reactions] == [("white_check_mark", "maria")]


async def test_a_gate_is_red_beside_the_pipeline_and_green_only_there(world: World, pull: FakeMergeRequest) -> None:
    own = pull.start_pipeline("success")
    await world.told(pull, BLOCKED)
    (status,) = pull.checks
    assert (status.name, status.state, status.pipeline) == ("Corrigent", "failed", own)
    assert status.description == "1 high · 12 files reviewed"
    await world.told(pull, BLOCKED)
    await world.told(pull, ADVICE)
    (status,) = pull.checks
    assert (status.state, status.pipeline) == ("success", own)


async def test_without_a_pipeline_a_gate_is_never_green(world: World, pull: FakeMergeRequest) -> None:
    await world.told(pull, CLEAN)
    assert list(pull.checks) == []
    await world.told(pull, BLOCKED)
    assert [status.state for status in pull.checks] == ["failed"]
    await world.told(pull, CLEAN)
    assert [status.state for status in pull.checks] == ["canceled"]


@pytest.fixture
async def fork(world: World) -> FakeProject:
    return await world.project.fork("sam")


async def test_the_gate_of_a_fork_stands_where_its_pipelines_run(world: World, fork: FakeProject) -> None:
    fork.set_role(world.bot.username, Access.DEVELOPER)
    pull = await world.project.open_pull_request(
        author="sam", from_fork=fork, branch="fix", changes={"billing.py": "new\n"}
    )
    await world.told(pull, BLOCKED)
    (status,) = pull.checks
    assert (status.state, status.pipeline.project) == ("failed", fork.project)
    assert list(pull.comments) == []


async def test_where_no_status_may_be_set_a_thread_stays_open_until_it_is_mended(
    world: World, fork: FakeProject
) -> None:
    pull = await world.project.open_pull_request(
        author="sam", from_fork=fork, branch="fix", changes={"billing.py": "new\n"}
    )
    for _ in range(2):
        await world.told(pull, BLOCKED)
    (thread,) = [one for one in pull.item.discussions if not one.individual]
    assert "Corrigent: 1 high · 12 files reviewed" in thread.notes[0].body
    assert (thread.resolved, list(pull.checks)) == (False, [])
    pull.resolve(thread)
    await world.told(pull, BLOCKED)
    assert not thread.resolved
    await world.told(pull, CLEAN)
    assert thread.resolved
    assert list(await world.forge.reader.threads(world.ref(pull))) == []


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
    theirs, by_hand = build(connection, RememberingLimits()), GitLabClient(connection, RememberingLimits())
    try:
        ref, review = world.ref(pull), review_of(pull, comment(1))
        staged = await theirs.writer.stage_review(ref, review, look_first=False)
        place = {"repo": ref.repo_id, "number": ref.number}
        await by_hand.send(routes.CREATE_DRAFT, params=None, json={"note": "Not yet said."}, **place)
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
