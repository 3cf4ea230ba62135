"""The bodies of deliveries: what GitLab tells of merge requests, notes, emoji and pushes."""

from collections.abc import Sequence

from app.forges.fake.commits import Commit
from app.forges.fake.gitlab.entities import Award, Label, MergeRequest, Note, Project, User
from app.forges.fake.gitlab.shapes.merge_requests import merge_status, source_id, web_url
from app.forges.fake.gitlab.shapes.notes import kind_of, position
from app.forges.fake.gitlab.shapes.people import LEVELS
from app.forges.fake.gitlab.shapes.times import spoken
from app.forges.fake.gitlab.state import GitLabState

Json = dict[str, object]
_STATE_IDS = {"opened": 1, "closed": 2, "merged": 3, "locked": 4}
_ZERO = "0" * 40


def user_told(user: User) -> Json:
    """Addresses are hidden from hooks."""
    return {
        "id": user.user_id,
        "name": user.name,
        "username": user.username,
        "avatar_url": None,
        "email": "[REDACTED]",
    }


def project_told(gitlab: GitLabState, item: Project) -> Json:
    web, ssh = f"{gitlab.web_url}/{item.full_path}", f"git@gitlab.example:{item.full_path}.git"
    return {
        "id": item.project_id,
        "name": item.path,
        "description": None,
        "web_url": web,
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": f"{web}.git",
        "namespace": item.namespace.path,
        "visibility_level": LEVELS[item.visibility],
        "path_with_namespace": item.full_path,
        "default_branch": item.default_branch,
        "ci_config_path": "",
        "homepage": web,
        "url": ssh,
        "ssh_url": ssh,
        "http_url": f"{web}.git",
    }


def merge_request_event(
    gitlab: GitLabState, item: MergeRequest, action: str, sender: User, changes: Json, oldrev: str | None
) -> Json:
    attributes = {**merge_request_told(gitlab, item), "action": action}
    if oldrev is not None:
        attributes["oldrev"] = oldrev
    event: Json = {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": user_told(sender),
        "project": project_told(gitlab, item.project),
        "object_attributes": attributes,
        "labels": labels_told(item.project, item.labels),
        "changes": changes,
        "repository": _repository(gitlab, item.project),
    }
    if item.assignees:
        event["assignees"] = [user_told(user) for user in item.assignees]
    if item.reviewers:
        event["reviewers"] = reviewers_told(item.reviewers)
    return event


def note_event(gitlab: GitLabState, item: Note, action: str, sender: User) -> Json:
    project = item.merge_request.project
    return {
        "object_kind": "note",
        "event_type": "confidential_note" if item.internal else "note",
        "user": user_told(sender),
        "project_id": project.project_id,
        "project": project_told(gitlab, project),
        "object_attributes": {**note_told(gitlab, item), "action": action},
        "repository": _repository(gitlab, project),
        "merge_request": merge_request_told(gitlab, item.merge_request),
    }


def emoji_event(gitlab: GitLabState, award: Award, on: Note | MergeRequest, action: str) -> Json:
    item = on.merge_request if isinstance(on, Note) else on
    attributes: Json = {
        "user_id": award.user.user_id,
        "created_at": spoken(award.created_at),
        "id": award.award_id,
        "name": award.name,
        "awardable_type": "Note" if isinstance(on, Note) else "MergeRequest",
        "awardable_id": on.note_id if isinstance(on, Note) else on.merge_request_id,
        "updated_at": spoken(award.created_at),
        "action": action,
        "awarded_on_url": _note_url(gitlab, on) if isinstance(on, Note) else web_url(gitlab, on),
    }
    return {
        "object_kind": "emoji",
        "event_type": action,
        "user": user_told(award.user),
        "project_id": item.project.project_id,
        "project": project_told(gitlab, item.project),
        "object_attributes": attributes,
        **({"note": note_told(gitlab, on)} if isinstance(on, Note) else {}),
        "merge_request": merge_request_told(gitlab, item),
    }


def push_event(
    gitlab: GitLabState, project: Project, branch: str, before: str | None, after: str | None, sender: User
) -> Json:
    told = project_told(gitlab, project)
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": before or _ZERO,
        "after": after or _ZERO,
        "ref": f"refs/heads/{branch}",
        "ref_protected": branch in project.protected_branches,
        "checkout_sha": after,
        "message": None,
        "user_id": sender.user_id,
        "user_name": sender.name,
        "user_username": sender.username,
        "user_email": None,
        "user_avatar": None,
        "project_id": project.project_id,
        "project": told,
        "commits": [],
        "total_commits_count": 1,
        "push_options": {},
        "repository": {
            **_repository(gitlab, project),
            "git_http_url": told["git_http_url"],
            "git_ssh_url": told["git_ssh_url"],
            "visibility_level": told["visibility_level"],
        },
    }


def merge_request_told(gitlab: GitLabState, item: MergeRequest) -> Json:
    """A merge request inside any delivery."""
    source = item.source_project
    return {
        "id": item.merge_request_id,
        "iid": item.iid,
        "target_branch": item.target_branch,
        "source_branch": item.source_branch,
        "source_project_id": source_id(item),
        "target_project_id": item.project.project_id,
        "author_id": item.author.user_id,
        "assignee_id": item.assignees[0].user_id if item.assignees else None,
        "assignee_ids": [user.user_id for user in item.assignees],
        "reviewer_ids": [user.user_id for user in item.reviewers],
        "title": item.title,
        "description": item.description,
        "state": item.state,
        "state_id": _STATE_IDS[item.state],
        "created_at": spoken(item.created_at),
        "updated_at": spoken(item.updated_at),
        "draft": item.draft,
        "work_in_progress": item.draft,
        "merge_commit_sha": item.merge_commit_sha,
        "url": web_url(gitlab, item),
        "source": project_told(gitlab, source) if source is not None and not source.deleted else None,
        "target": project_told(gitlab, item.project),
        "last_commit": _commit_told(gitlab, item.project, item.head_commit) if item.head_commit else None,
        "labels": labels_told(item.project, item.labels),
        **_rest_of_merge_request(item),
    }


def note_told(gitlab: GitLabState, item: Note) -> Json:
    thread = item.discussion
    return {
        "id": item.note_id,
        "note": item.body,
        "description": item.body,
        "noteable_type": "MergeRequest",
        "noteable_id": item.merge_request.merge_request_id,
        "author_id": item.user.user_id,
        "created_at": spoken(item.created_at),
        "updated_at": spoken(item.updated_at),
        "updated_by_id": None,
        "project_id": item.merge_request.project.project_id,
        "attachment": None,
        "line_code": thread.line_code,
        "commit_id": "",
        "system": item.system,
        "internal": item.internal,
        "st_diff": None,
        "discussion_id": thread.discussion_id,
        "type": kind_of(item),
        "position": position(thread.position) if thread.position else None,
        "original_position": position(thread.original_position) if thread.original_position else None,
        "change_position": None,
        "resolved_at": spoken(thread.resolved_at),
        "resolved_by_id": thread.resolved_by.user_id if thread.resolved_by else None,
        "resolved_by_push": None,
        "url": _note_url(gitlab, item),
    }


def labels_told(project: Project, labels: Sequence[Label]) -> list[Json]:
    return [
        {
            "id": label.label_id,
            "title": label.name,
            "color": label.color,
            "project_id": project.project_id,
            "created_at": spoken(project.created_at),
            "updated_at": spoken(project.created_at),
            "template": False,
            "description": None,
            "type": "ProjectLabel",
            "group_id": None,
        }
        for label in labels
    ]


def reviewers_told(reviewers: Sequence[User], *, asked_again: User | None = None) -> list[Json]:
    """With what each has done so far; `re_requested` marks the one who was asked again just now."""
    return [{**user_told(user), "state": "unreviewed", "re_requested": user is asked_again} for user in reviewers]


def _rest_of_merge_request(item: MergeRequest) -> Json:
    return {
        "blocking_discussions_resolved": not any(one.resolvable and not one.resolved for one in item.discussions),
        "detailed_merge_status": merge_status(item),
        "merge_status": "unchecked",
        "first_contribution": False,
        "head_pipeline_id": None,
        "last_edited_at": None,
        "last_edited_by_id": None,
        "merge_error": None,
        "merge_user_id": item.merged_by.user_id if item.merged_by else None,
        "merge_when_pipeline_succeeds": item.auto_merge,
        "milestone_id": None,
        "position": 0,
        "time_estimate": 0,
        "total_time_spent": 0,
        "time_change": 0,
        "human_time_estimate": None,
        "human_total_time_spent": None,
        "human_time_change": None,
    }


def _repository(gitlab: GitLabState, project: Project) -> Json:
    web = f"{gitlab.web_url}/{project.full_path}"
    return {"name": project.path, "url": f"{web}.git", "description": None, "homepage": web}


def _commit_told(gitlab: GitLabState, project: Project, commit: Commit) -> Json:
    name, email, when = commit.author
    return {
        "id": commit.sha,
        "message": commit.message,
        "title": commit.message.partition("\n")[0],
        "timestamp": when,
        "url": f"{gitlab.web_url}/{project.full_path}/-/commit/{commit.sha}",
        "author": {"name": name, "email": email},
    }


def _note_url(gitlab: GitLabState, item: Note) -> str:
    return f"{web_url(gitlab, item.merge_request)}#note_{item.note_id}"
