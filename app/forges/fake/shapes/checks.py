"""Check runs, suites and commit statuses as the API shows them."""

from app.forges.fake.clock import stamp
from app.forges.fake.entities import CheckRun, CheckSuite, CommitStatus, PullRequest, Repository
from app.forges.fake.shapes.people import app, maybe_user
from app.forges.fake.state import FakeGitHub, node_id

Json = dict[str, object]


def check_run(github: FakeGitHub, item: CheckRun) -> Json:
    url = f"{github.api_url}/repos/{item.repo.full_name}/check-runs/{item.check_id}"
    return {
        "id": item.check_id,
        "name": item.name,
        "node_id": node_id("CR", item.check_id),
        "head_sha": item.head_sha,
        "external_id": item.external_id,
        "url": url,
        "html_url": f"{github.web_url}/{item.repo.full_name}/runs/{item.check_id}",
        "details_url": item.details_url or "https://example.com",
        "status": item.status,
        "conclusion": item.conclusion,
        "started_at": stamp(item.started_at),
        "completed_at": stamp(item.completed_at),
        "output": {
            "title": item.title,
            "summary": item.summary,
            "text": item.text,
            "annotations_count": len(item.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": item.suite.suite_id},
        "app": app(github, item.suite.app),
        "pull_requests": _pull_requests(github, item.repo, item.head_sha),
    }


def check_suite(github: FakeGitHub, repo: Repository, item: CheckSuite) -> Json:
    """A suite as events carry it."""
    runs = [run for run in repo.check_runs.values() if run.suite is item]
    done = bool(runs) and all(run.status == "completed" for run in runs)
    pull = next((pull for pull in repo.pulls.values() if pull.head_sha == item.head_sha), None)
    url = f"{github.api_url}/repos/{repo.full_name}/check-suites/{item.suite_id}"
    return {
        "id": item.suite_id,
        "node_id": node_id("CS", item.suite_id),
        "head_branch": pull.head_ref if pull else None,
        "head_sha": item.head_sha,
        "status": "completed" if done else "queued",
        "conclusion": runs[-1].conclusion if done else None,
        "url": url,
        "before": "0" * 40,
        "after": item.head_sha,
        "pull_requests": _pull_requests(github, repo, item.head_sha),
        "app": app(github, item.app),
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.created_at),
        "rerequestable": True,
        "runs_rerequestable": True,
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": {
            "id": item.head_sha,
            "tree_id": item.head_sha,
            "message": "",
            "timestamp": stamp(item.created_at),
            "author": {"name": repo.owner.login, "email": "nobody@example.com"},
            "committer": {"name": repo.owner.login, "email": "nobody@example.com"},
        },
    }


def commit_status(github: FakeGitHub, item: CommitStatus) -> Json:
    return {
        "url": f"{github.api_url}/statuses/{item.sha}",
        "id": item.status_id,
        "node_id": node_id("SC", item.status_id),
        "avatar_url": None,
        "state": item.state,
        "description": item.description,
        "target_url": item.target_url,
        "context": item.context,
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.created_at),
        "creator": maybe_user(github, item.creator),
    }


def _pull_requests(github: FakeGitHub, repo: Repository, head_sha: str) -> list[Json]:
    """Empty for pull requests from forks, as on GitHub."""
    return [
        _short_pull(github, pull)
        for pull in repo.pulls.values()
        if pull.head_sha == head_sha and pull.head_repo is repo and pull.state == "open"
    ]


def _short_pull(github: FakeGitHub, pull: PullRequest) -> Json:
    repo = {
        "id": pull.repo.repo_id,
        "url": f"{github.api_url}/repos/{pull.repo.full_name}",
        "name": pull.repo.name,
    }
    return {
        "url": f"{github.api_url}/repos/{pull.repo.full_name}/pulls/{pull.number}",
        "id": pull.pull_id,
        "number": pull.number,
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repo},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repo},
    }
