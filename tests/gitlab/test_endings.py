"""How merge requests end on GitLab: with their branch deleted, squashed into one commit, or by a merge train."""

import tempfile
from pathlib import Path

from app.domain.events import Event, PullRequestChanged
from app.domain.review import CheckText
from app.forges.fake.gitlab.acts.statuses import start_pipeline
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from tests.contracts.support import git
from tests.gitlab.world import World

BLOCKED = CheckText(title="1 high · 12 files reviewed", summary="one", conclusion="failure")
CLEAN = CheckText(title="No problems found", summary="all read", conclusion="success")


def last_change(world: World) -> Event:
    """What our inbox makes of the newest delivery about the merge request itself."""
    delivery = [one for one in world.fake.deliveries if one.event == "Merge Request Hook"][-1]
    headers = {name.lower(): value for name, value in delivery.headers.items()}
    return world.forge.inbox.parse(headers, delivery.body)


async def test_a_branch_that_is_deleted_closes_it_and_its_head_stays_readable(
    world: World, pull: FakeMergeRequest
) -> None:
    head = pull.head_sha
    await pull.delete_branch()
    told = last_change(world)
    assert isinstance(told, PullRequestChanged)
    assert told.change == "closed"
    found = await world.forge.reader.pull_request(world.ref(pull))
    assert (found.state, found.head_sha) == ("closed", head)
    access = await world.forge.reader.git_access(found.repo)
    code, heads = await git(
        *("-c", f"http.extraHeader={access.header}", "ls-remote", access.url, found.head_git_ref),
        folder=Path(tempfile.gettempdir()),
    )
    assert (code, heads) == (0, f"{head}\t{found.head_git_ref}\n")


async def test_a_squash_is_a_merge_and_the_head_is_still_the_one_that_was_reviewed(
    world: World, pull: FakeMergeRequest
) -> None:
    head = pull.head_sha
    await pull.merge(method="squash")
    told = last_change(world)
    assert isinstance(told, PullRequestChanged)
    assert (told.change, told.head_sha) == ("closed", head)
    found = await world.forge.reader.pull_request(world.ref(pull))
    assert (found.state, found.head_sha) == ("merged", head)


async def test_a_merge_train_s_pipeline_is_no_place_for_a_green_status(world: World, pull: FakeMergeRequest) -> None:
    """It runs on a commit that is nobody's head: green beside it would be green alone on the head."""
    train = await world.project.commit({"NEWS.md": "news\n"}, branch="train")
    ref = f"refs/merge-requests/{pull.number}/train"
    start_pipeline(world.fake.gitlab, world.project.project, train, ref, "success")
    await world.told(pull, BLOCKED, new=True)
    assert [status.state for status in pull.checks] == ["failed"]
    await world.told(pull, CLEAN)
    assert [status.state for status in pull.checks] == ["canceled"]
