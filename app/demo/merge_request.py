"""The demo's merge request: the same product, in the same process, on a GitLab beside the GitHub."""

from app.demo import shop
from app.demo.screen import Screen
from app.domain.phrases import count
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import FakeGitLab

PROJECT = "acme/store"
AT_WORK = "eyes"


async def show_merge_request(gitlab: FakeGitLab, project: FakeProject, screen: Screen, *, patience: float) -> None:
    """Opened, reviewed, and nothing but its comments left; AssertionError with GitLab's story when it is not."""
    sample = shop.SAMPLES[3]
    merge_request = await project.open_pull_request(
        author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
    )
    screen.event(
        f"store {merge_request.number}", f"{sample.title:<28}merge request opened by {sample.author} on GitLab"
    )
    await gitlab.wait_until(lambda: merge_request.threads and not _is_at_work(merge_request), timeout=patience)
    for thread in merge_request.threads:
        at = thread.position
        screen.thread(thread.notes[0].body, f"{at.path}:{at.new_line}" if at else "")
    comments, notes = len(merge_request.threads), len(merge_request.comments)
    screen.detail(f"{count(comments, 'comment')}, {count(notes, 'notification')} · no commit status: it only advises")


def _is_at_work(merge_request: FakeMergeRequest) -> bool:
    return any(reaction.name == AT_WORK for reaction in merge_request.item.reactions)
