"""The life of a merge request: pushed to, retargeted, closed, merged; each change is told to the hooks."""

from collections.abc import Sequence

from app.forges.fake.gitlab.entities import Label, MergeRequest, Project, User, Version
from app.forges.fake.gitlab.errors import bad_request, says
from app.forges.fake.gitlab.positions import follow
from app.forges.fake.gitlab.shapes.deliveries import labels_told, merge_request_event, push_event, reviewers_told
from app.forges.fake.gitlab.shapes.merge_requests import merge_status
from app.forges.fake.gitlab.state import GitLabState

Json = dict[str, object]


def tell(
    gitlab: GitLabState,
    item: MergeRequest,
    action: str,
    sender: User,
    *,
    changes: Json | None = None,
    oldrev: str | None = None,
) -> None:
    """Announce a change of the merge request."""
    before, item.updated_at = item.updated_at, gitlab.clock.now()
    times = {"previous": before.isoformat(), "current": item.updated_at.isoformat()}
    told = merge_request_event(gitlab, item, action, sender, {"updated_at": times, **(changes or {})}, oldrev)
    gitlab.hooks.announce(item.project, "merge_requests_events", told, action)


async def add_version(gitlab: GitLabState, item: MergeRequest) -> Version:
    """What the merge request is now, compared with its target branch."""
    git = item.project.git
    start = await git.resolve(item.target_branch) or item.version.start_sha
    base = await git.merge_base(start, item.head_sha)
    version = Version(gitlab.new_id(), base, start, item.head_sha, gitlab.clock.now())
    item.versions.append(version)
    item.unprepared_reads = gitlab.unprepared_reads
    item.head_commit = await git.commit_details(item.head_sha)
    return version


async def branch_moved(
    gitlab: GitLabState, project: Project, branch: str, before: str | None, after: str | None, sender: User
) -> None:
    """A branch was pushed to, created or deleted: merge requests from it follow, or close."""
    if before == after:
        return
    told = push_event(gitlab, project, branch, before, after, sender)
    gitlab.hooks.announce(project, "push_events", told, None)
    # One push after the other: a merge request ends on the commit that came last.
    async with project.moving:
        for item in _from_branch(gitlab, project, branch):
            if after is None:
                close(gitlab, item, sender)
            else:
                await _follow(gitlab, item, project, after, sender)


async def retarget(gitlab: GitLabState, item: MergeRequest, branch: str, sender: User) -> None:
    if await item.project.git.resolve(branch) is None:
        raise bad_request(f"Target branch {branch!r} does not exist")
    changes: Json = {"target_branch": {"previous": item.target_branch, "current": branch}}
    before, item.target_branch = item.version, branch
    await follow(item, before, await add_version(gitlab, item))
    tell(gitlab, item, "update", sender, changes=changes)


def edit(
    gitlab: GitLabState, item: MergeRequest, sender: User, *, title: str | None = None, description: str | None = None
) -> None:
    """A new title may make a draft of it, or end that."""
    changes: Json = {}
    if title is not None and title != item.title:
        was_draft, changes["title"] = item.draft, {"previous": item.title, "current": title}
        item.title = title
        if was_draft != item.draft:
            changes["draft"] = {"previous": was_draft, "current": item.draft}
    if description is not None and description != item.description:
        changes["description"] = {"previous": item.description, "current": description}
        item.description = description
    if changes:
        tell(gitlab, item, "update", sender, changes=changes)


def set_draft(gitlab: GitLabState, item: MergeRequest, draft: bool, sender: User) -> None:
    if draft != item.draft:
        title = f"Draft: {item.title}" if draft else item.title.partition(":")[2].strip()
        edit(gitlab, item, sender, title=title)


def close(gitlab: GitLabState, item: MergeRequest, sender: User) -> None:
    if item.state == "opened":
        item.state, item.closed_at, item.closed_by = "closed", gitlab.clock.now(), sender
        tell(gitlab, item, "close", sender, changes={"state_id": {"previous": 1, "current": 2}})


async def reopen(gitlab: GitLabState, item: MergeRequest, sender: User) -> None:
    source = item.source_project
    head = await source.git.resolve(item.source_branch) if source is not None and not source.deleted else None
    if head is None or item.state != "closed":
        raise says(422, "Cannot reopen a merge request whose source branch is gone")
    before, moved = item.version, head != item.head_sha
    item.state, item.closed_at, item.closed_by = "opened", None, None
    if moved and source is not None:
        await _take_head(item, source, head)
        await follow(item, before, await add_version(gitlab, item))
    tell(gitlab, item, "reopen", sender, changes={"state_id": {"previous": 2, "current": 1}})


async def merge(gitlab: GitLabState, item: MergeRequest, sender: User) -> None:
    """Merge, or squash, into the target branch."""
    git = item.project.git
    base = await git.resolve(item.target_branch)
    tree = await git.merge_trees(base, item.head_sha) if base else None
    if base is None or tree is None or merge_status(item) != "mergeable":
        raise says(405, "405 Method Not Allowed")
    message = f"Merge branch '{item.source_branch}' into '{item.target_branch}'\n\n{item.title}"
    parents = [base] if item.squash else [base, item.head_sha]
    merged = await git.commit_tree(tree, parents, message=message, author=sender.username)
    await git.set_ref(f"refs/heads/{item.target_branch}", merged)
    item.state, item.merged_at, item.merged_by = "merged", gitlab.clock.now(), sender
    item.merge_commit_sha = merged
    tell(gitlab, item, "merge", sender, changes={"state_id": {"previous": 1, "current": 3}})
    await branch_moved(gitlab, item.project, item.target_branch, base, merged, sender)


def approve(gitlab: GitLabState, item: MergeRequest, sender: User, *, approved: bool) -> None:
    if approved and sender not in item.approved_by:
        item.approved_by.append(sender)
        tell(gitlab, item, "approved", sender)
    elif not approved and sender in item.approved_by:
        item.approved_by.remove(sender)
        tell(gitlab, item, "unapproved", sender)


def set_labels(gitlab: GitLabState, item: MergeRequest, names: Sequence[str], sender: User) -> None:
    known = item.project.labels
    labels = [known.setdefault(name, Label(gitlab.new_id(), name)) for name in dict.fromkeys(names)]
    if labels != item.labels:
        before, item.labels = item.labels, labels
        told = {"previous": labels_told(item.project, before), "current": labels_told(item.project, labels)}
        tell(gitlab, item, "update", sender, changes={"labels": told})


def set_reviewers(
    gitlab: GitLabState, item: MergeRequest, reviewers: Sequence[User], sender: User, *, asked_again: User | None = None
) -> None:
    """`asked_again` is among them already and is asked once more."""
    before, item.reviewers = item.reviewers, list(reviewers)
    if before != item.reviewers or asked_again is not None:
        current = reviewers_told(item.reviewers, asked_again=asked_again)
        changes: Json = {"reviewers": {"previous": reviewers_told(before), "current": current}}
        tell(gitlab, item, "update", sender, changes=changes)


def set_assignees(gitlab: GitLabState, item: MergeRequest, assignees: Sequence[User], sender: User) -> None:
    before, item.assignees = item.assignees, list(assignees)
    if before != item.assignees:
        changes: Json = {"assignees": {"previous": reviewers_told(before), "current": reviewers_told(item.assignees)}}
        tell(gitlab, item, "update", sender, changes=changes)


def _from_branch(gitlab: GitLabState, project: Project, branch: str) -> list[MergeRequest]:
    """Open merge requests whose source this branch is."""
    return [
        item
        for item in gitlab.merge_requests()
        if item.state == "opened" and item.source_project is project and item.source_branch == branch
    ]


async def _follow(gitlab: GitLabState, item: MergeRequest, source: Project, head_sha: str, sender: User) -> None:
    """The source branch moved."""
    before, oldrev = item.version, item.head_sha
    await _take_head(item, source, head_sha)
    after = await add_version(gitlab, item)
    await follow(item, before, after)
    tell(gitlab, item, "update", sender, oldrev=oldrev)


async def _take_head(item: MergeRequest, source: Project, head_sha: str) -> None:
    await item.project.git.take(source.git, head_sha, f"refs/merge-requests/{item.iid}/head")
    item.head_sha = head_sha
