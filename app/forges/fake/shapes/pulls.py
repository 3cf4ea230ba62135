"""Pull requests as the API and webhooks show them."""

from dataclasses import dataclass

from app.forges.fake.clock import stamp
from app.forges.fake.entities import PullRequest, Repository, User
from app.forges.fake.shapes.people import association, label, maybe_user, simple_user
from app.forges.fake.shapes.repositories import repository
from app.forges.fake.state import FakeGitHub, node_id, node_id_of

Json = dict[str, object]


@dataclass(frozen=True)
class Size:
    """How large a change is; git counted it."""

    commits: int
    additions: int
    deletions: int
    changed_files: int


def pull_request_simple(github: FakeGitHub, pull: PullRequest) -> Json:
    """The form of lists and of review events."""
    links = _links(github, pull)
    html = links["html"]
    return {
        "url": links["self"],
        "id": pull.pull_id,
        "node_id": node_id_of(pull),
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": links["issue"],
        "number": pull.number,
        "state": pull.state,
        "locked": pull.locked,
        "title": pull.title,
        "user": maybe_user(github, pull.author),
        "body": pull.body,
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": stamp(pull.closed_at),
        "merged_at": stamp(pull.merged_at),
        "merge_commit_sha": pull.merge_commit_sha,
        **dict.fromkeys(("assignee", "milestone", "auto_merge", "active_lock_reason")),
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [label(github, pull.repo, item) for item in pull.labels],
        "draft": pull.draft,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": links["statuses"],
        "head": _end(github, pull.head_repo, pull.head_owner, pull.head_ref, pull.head_sha),
        "base": _end(github, pull.repo, pull.repo.owner, pull.base_ref, pull.base_sha),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": association(pull.repo, pull.author),
    }


def pull_request(github: FakeGitHub, pull: PullRequest, size: Size) -> Json:
    """The full form: one pull request, or the event about it."""
    return {
        **pull_request_simple(github, pull),
        "merged": pull.merged_at is not None,
        "mergeable": pull.mergeable,
        "rebaseable": pull.mergeable,
        "mergeable_state": {None: "unknown", True: "clean", False: "dirty"}[pull.mergeable],
        "merged_by": maybe_user(github, pull.merged_by),
        "comments": len(pull.comments),
        "review_comments": sum(1 for comment in pull.review_comments if comment.review.state != "PENDING"),
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": size.commits,
        "additions": size.additions,
        "deletions": size.deletions,
        "changed_files": size.changed_files,
    }


def issue(github: FakeGitHub, pull: PullRequest) -> Json:
    """A pull request seen as the issue that it also is, in comment events."""
    api = f"{github.api_url}/repos/{pull.repo.full_name}"
    url = f"{api}/issues/{pull.number}"
    html = f"{github.web_url}/{pull.repo.full_name}/pull/{pull.number}"
    closed = stamp(pull.closed_at)
    return {
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": html,
        "id": pull.pull_id + 500_000_000,
        "node_id": node_id("I", pull.pull_id),
        "number": pull.number,
        "title": pull.title,
        "user": simple_user(github, pull.author),
        "labels": [label(github, pull.repo, item) for item in pull.labels],
        "state": pull.state,
        "locked": pull.locked,
        **dict.fromkeys(("assignee", "milestone", "active_lock_reason", "performed_via_github_app", "state_reason")),
        "assignees": [],
        "comments": len(pull.comments),
        "created_at": stamp(pull.created_at),
        "updated_at": stamp(pull.updated_at),
        "closed_at": closed,
        "author_association": association(pull.repo, pull.author),
        "body": pull.body,
        "draft": pull.draft,
        "pull_request": {
            "url": f"{api}/pulls/{pull.number}",
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "merged_at": stamp(pull.merged_at),
        },
        "reactions": reaction_counts(f"{url}/reactions", [item.content for item in pull.reactions]),
        "timeline_url": f"{url}/timeline",
    }


def reaction_counts(url: str, contents: list[str]) -> Json:
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": url, "total_count": len(contents), **{kind: contents.count(kind) for kind in kinds}}


def _links(github: FakeGitHub, pull: PullRequest) -> dict[str, str]:
    api = f"{github.api_url}/repos/{pull.repo.full_name}"
    url, issue_url = f"{api}/pulls/{pull.number}", f"{api}/issues/{pull.number}"
    return {
        "self": url,
        "html": f"{github.web_url}/{pull.repo.full_name}/pull/{pull.number}",
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{api}/statuses/{pull.head_sha}",
    }


def _end(github: FakeGitHub, repo: Repository | None, owner: User, ref: str, sha: str) -> Json:
    alive = repo if repo is not None and not repo.deleted else None
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": maybe_user(github, owner),
        "repo": None if alive is None else repository(github, alive),
    }
