"""Reviews, their comments, conversation comments and reactions as the API shows them."""

from app.forges.fake.clock import stamp
from app.forges.fake.entities import IssueComment, Reaction, Review, ReviewComment, Thread
from app.forges.fake.shapes.people import association, maybe_user
from app.forges.fake.shapes.pulls import reaction_counts
from app.forges.fake.state import FakeGitHub, node_id, node_id_of

Json = dict[str, object]


def review(github: FakeGitHub, item: Review) -> Json:
    pull = item.pull
    html = f"{github.web_url}/{pull.repo.full_name}/pull/{pull.number}#pullrequestreview-{item.review_id}"
    url = f"{github.api_url}/repos/{pull.repo.full_name}/pulls/{pull.number}"
    shown: Json = {
        "id": item.review_id,
        "node_id": node_id_of(item),
        "user": maybe_user(github, item.user),
        "body": item.body,
        "state": item.state,
        "html_url": html,
        "pull_request_url": url,
        "author_association": association(pull.repo, item.user),
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "commit_id": item.commit_id,
    }
    if item.submitted_at is not None:
        shown["submitted_at"] = stamp(item.submitted_at)
    return shown


def review_comment(github: FakeGitHub, item: ReviewComment) -> Json:
    anchor, pull = item.thread.anchor, item.review.pull
    api = f"{github.api_url}/repos/{pull.repo.full_name}"
    url = f"{api}/pulls/comments/{item.comment_id}"
    html = f"{github.web_url}/{pull.repo.full_name}/pull/{pull.number}#discussion_r{item.comment_id}"
    pull_url = f"{api}/pulls/{pull.number}"
    shown: Json = {
        "url": url,
        "pull_request_review_id": item.review.review_id,
        "id": item.comment_id,
        "node_id": node_id_of(item),
        "diff_hunk": anchor.diff_hunk,
        "path": anchor.path,
        "commit_id": anchor.commit_id,
        "original_commit_id": anchor.original_commit_id,
        "user": maybe_user(github, item.user),
        "body": item.body,
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.updated_at),
        "html_url": html,
        "pull_request_url": pull_url,
        "author_association": association(pull.repo, item.user),
        "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull_url}},
        "reactions": reaction_counts(f"{url}/reactions", [one.content for one in item.reactions]),
        "start_line": anchor.start_line,
        "original_start_line": anchor.original_start_line,
        "start_side": anchor.start_side,
        "line": anchor.line,
        "original_line": anchor.original_line,
        "side": anchor.side,
        "original_position": anchor.original_position,
        "position": anchor.position,
        "subject_type": anchor.subject_type,
    }
    if item.in_reply_to_id is not None:
        shown["in_reply_to_id"] = item.in_reply_to_id
    return shown


def thread(github: FakeGitHub, item: Thread) -> Json:
    """A thread in the event that tells of its resolution."""
    return {
        "node_id": node_id_of(item),
        "comments": [review_comment(github, comment) for comment in item.comments],
    }


def issue_comment(github: FakeGitHub, item: IssueComment) -> Json:
    pull = item.pull
    api = f"{github.api_url}/repos/{pull.repo.full_name}/issues"
    url = f"{api}/comments/{item.comment_id}"
    return {
        "url": url,
        "html_url": f"{github.web_url}/{pull.repo.full_name}/pull/{pull.number}#issuecomment-{item.comment_id}",
        "issue_url": f"{api}/{pull.number}",
        "id": item.comment_id,
        "node_id": node_id_of(item),
        "user": maybe_user(github, item.user),
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.updated_at),
        "author_association": association(pull.repo, item.user),
        "body": item.body,
        "reactions": reaction_counts(f"{url}/reactions", [one.content for one in item.reactions]),
        "performed_via_github_app": None,
    }


def reaction(github: FakeGitHub, item: Reaction) -> Json:
    return {
        "id": item.reaction_id,
        "node_id": node_id("REA", item.reaction_id),
        "user": maybe_user(github, item.user),
        "content": item.content,
        "created_at": stamp(item.created_at),
    }
