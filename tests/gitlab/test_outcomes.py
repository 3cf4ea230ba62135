"""What a merge request shows of an outcome: an emoji where we advise, a status or a thread where we are a gate."""

from app.domain.review import CheckText
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from tests.gitlab.support import OTHER_RUN_ID
from tests.gitlab.world import World

WORKING = CheckText(title="Reviewing", summary="…")
CLEAN = CheckText(title="No problems found", summary="all read", conclusion="success")
ADVICE = CheckText(title="1 high", summary="one", conclusion="neutral")
BLOCKED = CheckText(title="1 high · 12 files reviewed", summary="one", conclusion="failure")
SUPERSEDED = CheckText(title="Superseded by abc1234", summary="", conclusion="cancelled")


def emoji(pull: FakeMergeRequest) -> list[str]:
    return sorted(one.name for one in pull.item.reactions)


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
