"""Merge requests, their versions and diffs as the API shows them."""

from app.forges.fake.diffs import DiffFile
from app.forges.fake.gitlab.entities import MergeRequest, Pipeline, Status, Version
from app.forges.fake.gitlab.shapes.people import maybe_user, user_basic
from app.forges.fake.gitlab.shapes.times import stamp
from app.forges.fake.gitlab.state import GitLabState

Json = dict[str, object]


def web_url(gitlab: GitLabState, item: MergeRequest) -> str:
    return f"{gitlab.web_url}/{item.project.full_path}/-/merge_requests/{item.iid}"


def merge_request_basic(gitlab: GitLabState, item: MergeRequest) -> Json:
    """As in lists."""
    return {
        "id": item.merge_request_id,
        "iid": item.iid,
        "project_id": item.project.project_id,
        "title": item.title,
        "description": item.description,
        "state": item.state,
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.updated_at),
        "merged_at": stamp(item.merged_at),
        "closed_at": stamp(item.closed_at),
        "target_branch": item.target_branch,
        "source_branch": item.source_branch,
        "source_project_id": source_id(item),
        "target_project_id": item.project.project_id,
        "sha": item.head_sha,
        "merge_commit_sha": item.merge_commit_sha,
        "squash_commit_sha": item.merge_commit_sha if item.squash else None,
        "squash": item.squash,
        "labels": [label.name for label in item.labels],
        "draft": item.draft,
        "work_in_progress": item.draft,
        "imported": False,
        "discussion_locked": item.locked or None,
        "prepared_at": None if item.unprepared_reads else stamp(item.created_at),
        "user_notes_count": sum(1 for note in item.notes if not note.system),
        "web_url": web_url(gitlab, item),
        **_people(gitlab, item),
        **_merging(item),
    }


def merge_request(gitlab: GitLabState, item: MergeRequest) -> Json:
    """As it is shown alone: with the commits of its diff once it is prepared."""
    pipeline = head_pipeline(item)
    version = item.version
    shown = {"base_sha": version.base_sha, "head_sha": version.head_sha, "start_sha": version.start_sha}
    return {
        **merge_request_basic(gitlab, item),
        "subscribed": False,
        "changes_count": "1",
        "first_contribution": False,
        "head_pipeline": pipeline_shape(gitlab, pipeline) if pipeline else None,
        "pipeline": pipeline_shape(gitlab, pipeline) if pipeline else None,
        "diff_refs": None if item.unprepared_reads else shown,
        "merge_error": None,
        "user": {"can_merge": True},
    }


def source_id(item: MergeRequest) -> int | None:
    """None once the fork is gone."""
    source = item.source_project
    return None if source is None or source.deleted else source.project_id


def pipelines_of(item: MergeRequest) -> list[Pipeline]:
    """Those of the head commit, the fork's own included, oldest first."""
    projects = [item.project, *([item.source_project] if item.from_fork and item.source_project else [])]
    found = [one for project in projects for one in project.pipelines if one.sha == item.head_sha]
    return sorted(found, key=lambda one: one.pipeline_id)


def head_pipeline(item: MergeRequest) -> Pipeline | None:
    return next(reversed(pipelines_of(item)), None)


def merge_status(item: MergeRequest) -> str:
    if item.unprepared_reads:
        return "preparing"
    if item.state != "opened":
        return "not_open"
    if item.draft:
        return "draft_status"
    pipeline = head_pipeline(item)
    if item.project.only_allow_merge_if_pipeline_succeeds:
        if pipeline is None or pipeline.status in ("failed", "canceled"):
            return "ci_must_pass"
        if pipeline.status in ("running", "pending"):
            return "ci_still_running"
    return "mergeable"


def version(_: GitLabState, item: Version) -> Json:
    return {
        "id": item.version_id,
        "head_commit_sha": item.head_sha,
        "base_commit_sha": item.base_sha,
        "start_commit_sha": item.start_sha,
        "created_at": stamp(item.created_at),
        "state": "collected",
        "real_size": "1",
        "patch_id_sha": None,
    }


def diff_file(_: GitLabState, item: DiffFile) -> Json:
    """Its text is left out where the file is very large."""
    text = item.patch
    return {
        "old_path": item.old_path,
        "new_path": item.path,
        "a_mode": "0" if item.status == "added" else "100644",
        "b_mode": "0" if item.status == "removed" else "100644",
        "diff": "" if text is None else text + "\n",
        "new_file": item.status == "added",
        "renamed_file": item.status == "renamed",
        "deleted_file": item.status == "removed",
        "generated_file": False,
        "collapsed": False,
        "too_large": text is None and bool(item.body),
    }


def pipeline_shape(gitlab: GitLabState, item: Pipeline) -> Json:
    return {
        "id": item.pipeline_id,
        "iid": 1,
        "project_id": item.project.project_id,
        "sha": item.sha,
        "ref": item.ref,
        "status": item.status,
        "source": item.source,
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.created_at),
        "web_url": f"{gitlab.web_url}/{item.project.full_path}/-/pipelines/{item.pipeline_id}",
    }


def status(gitlab: GitLabState, item: Status) -> Json:
    return {
        "id": item.status_id,
        "sha": item.pipeline.sha,
        "ref": item.pipeline.ref,
        "status": item.state,
        "name": item.name,
        "target_url": item.target_url,
        "description": item.description,
        "created_at": stamp(item.created_at),
        "started_at": stamp(item.started_at),
        "finished_at": stamp(item.finished_at),
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": item.pipeline.pipeline_id,
        "author": user_basic(gitlab, item.user),
    }


def _people(gitlab: GitLabState, item: MergeRequest) -> Json:
    assignees = [user_basic(gitlab, user) for user in item.assignees]
    return {
        "author": user_basic(gitlab, item.author),
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "reviewers": [user_basic(gitlab, user) for user in item.reviewers],
        "merged_by": maybe_user(gitlab, item.merged_by),
        "merge_user": maybe_user(gitlab, item.merged_by),
        "closed_by": maybe_user(gitlab, item.closed_by),
        "upvotes": sum(1 for one in item.reactions if one.name == "thumbsup"),
        "downvotes": sum(1 for one in item.reactions if one.name == "thumbsdown"),
    }


def _merging(item: MergeRequest) -> Json:
    open_threads = any(one.resolvable and not one.resolved for one in item.discussions)
    collaboration = {
        "allow_collaboration": item.allow_collaboration,
        "allow_maintainer_to_push": item.allow_collaboration,
    }
    return {
        "merge_when_pipeline_succeeds": item.auto_merge,
        "merge_status": "can_be_merged",
        "detailed_merge_status": merge_status(item),
        "merge_after": None,
        "has_conflicts": False,
        "blocking_discussions_resolved": not open_threads,
        "should_remove_source_branch": None,
        "force_remove_source_branch": None,
        "reference": f"!{item.iid}",
        "references": {
            "short": f"!{item.iid}",
            "relative": f"!{item.iid}",
            "full": f"{item.project.full_path}!{item.iid}",
        },
        "task_completion_status": {"count": 0, "completed_count": 0},
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        **(collaboration if item.from_fork else {}),
    }
