"""Opening a merge request, or saying why not as GitLab does."""

from dataclasses import dataclass

from app.forges.fake.gitlab.acts.merge_requests import add_version, tell
from app.forges.fake.gitlab.acts.quick import carry_out
from app.forges.fake.gitlab.entities import MergeRequest, Project, User
from app.forges.fake.gitlab.errors import bad_request, says
from app.forges.fake.gitlab.state import GitLabState


@dataclass(frozen=True)
class NewMergeRequest:
    """What somebody wants to open; the source may be a fork."""

    title: str
    description: str
    source_project: Project
    source_branch: str
    target_branch: str
    allow_collaboration: bool = False
    squash: bool = False


async def open_merge_request(
    gitlab: GitLabState, project: Project, author: User, wanted: NewMergeRequest
) -> MergeRequest:
    head_sha = await _checked_head(project, wanted)
    now = gitlab.clock.now()
    item = MergeRequest(
        merge_request_id=gitlab.new_id(),
        iid=project.new_iid(),
        project=project,
        author=author,
        title=wanted.title,
        description=wanted.description,
        source_project=wanted.source_project,
        source_branch=wanted.source_branch,
        target_branch=wanted.target_branch,
        head_sha=head_sha,
        created_at=now,
        updated_at=now,
        squash=wanted.squash,
        allow_collaboration=wanted.allow_collaboration and wanted.source_project is not project,
    )
    await project.git.take(wanted.source_project.git, head_sha, f"refs/merge-requests/{item.iid}/head")
    await add_version(gitlab, item)
    project.merge_requests[item.iid] = item
    item.description = carry_out(gitlab, item, author, wanted.description, "description")
    tell(gitlab, item, "open", author)
    return item


async def _checked_head(project: Project, wanted: NewMergeRequest) -> str:
    head_sha = await wanted.source_project.git.resolve(wanted.source_branch)
    if head_sha is None:
        raise bad_request(f'Source branch "{wanted.source_branch}" does not exist')
    if await project.git.resolve(wanted.target_branch) is None:
        raise bad_request(f'Target branch "{wanted.target_branch}" does not exist')
    ends = (wanted.source_project, wanted.source_branch, wanted.target_branch)
    for other in project.merge_requests.values():
        if other.state == "opened" and (other.source_project, other.source_branch, other.target_branch) == ends:
            raise says(409, [f"Another open merge request already exists for this source branch: !{other.iid}"])
    return head_sha
