"""Repositories, branches, commits and files as the API shows them."""

import base64
from urllib.parse import quote

from app.forges.fake.clock import stamp
from app.forges.fake.commits import Commit
from app.forges.fake.diffs import DiffFile
from app.forges.fake.entities import Repository
from app.forges.fake.shapes.people import maybe_user, simple_user
from app.forges.fake.state import FakeGitHub, node_id, node_id_of

Json = dict[str, object]

_LINKS = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}
_COUNTS = ("forks", "forks_count", "open_issues", "stargazers_count", "watchers", "watchers_count", "size")
_FLAGS = {
    "has_issues": True,
    "has_projects": False,
    "has_downloads": True,
    "has_wiki": False,
    "has_pages": False,
    "has_discussions": False,
    "disabled": False,
    "is_template": False,
    "web_commit_signoff_required": False,
    "allow_forking": True,
}


def minimal_repository(github: FakeGitHub, repo: Repository) -> Json:
    url = f"{github.api_url}/repos/{repo.full_name}"
    return {
        "id": repo.repo_id,
        "node_id": node_id_of(repo),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": simple_user(github, repo.owner),
        "html_url": f"{github.web_url}/{repo.full_name}",
        "description": repo.description,
        "fork": repo.fork_of is not None,
        "url": url,
        **{name: f"{url}/{rest}" for name, rest in _LINKS.items()},
    }


def repository(github: FakeGitHub, repo: Repository) -> Json:
    address = f"{github.web_url}/{repo.full_name}"
    created = stamp(repo.created_at)
    open_count = sum(1 for pull in repo.pulls.values() if pull.state == "open")
    return {
        **minimal_repository(github, repo),
        "created_at": created,
        "updated_at": created,
        "pushed_at": created,
        "git_url": f"git://{address.partition('://')[2]}.git",
        "ssh_url": f"git@{address.partition('://')[2]}.git",
        "clone_url": f"{address}.git",
        "svn_url": address,
        "homepage": None,
        "language": None,
        "license": None,
        "mirror_url": None,
        "archived": repo.archived,
        "visibility": "private" if repo.private else "public",
        "topics": [],
        "default_branch": repo.default_branch,
        **dict.fromkeys(_COUNTS, 0),
        "open_issues_count": open_count,
        **_FLAGS,
    }


def full_repository(github: FakeGitHub, repo: Repository) -> Json:
    found: Json = {**repository(github, repo), "network_count": 0, "subscribers_count": 0, "custom_properties": {}}
    if repo.fork_of is not None and not repo.fork_of.deleted:
        parent = repository(github, repo.fork_of)
        found |= {"parent": parent, "source": parent}
    return found


def short_repository(repo: Repository) -> Json:
    """The few fields that installation events carry."""
    return {
        "id": repo.repo_id,
        "node_id": node_id_of(repo),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
    }


def commit_details(github: FakeGitHub, repo: Repository, commit: Commit) -> Json:
    api = f"{github.api_url}/repos/{repo.full_name}"
    verification = dict.fromkeys(("signature", "payload", "verified_at")) | {"verified": False, "reason": "unsigned"}
    return {
        "author": _who(commit.author),
        "committer": _who(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
        "url": f"{api}/git/commits/{commit.sha}",
        "comment_count": 0,
        "verification": verification,
    }


def commit(github: FakeGitHub, repo: Repository, item: Commit) -> Json:
    url = f"{github.api_url}/repos/{repo.full_name}/commits/{item.sha}"
    html = f"{github.web_url}/{repo.full_name}/commit"
    return {
        "url": url,
        "sha": item.sha,
        "node_id": node_id("C", int(item.sha[:14], 16)),
        "html_url": f"{html}/{item.sha}",
        "comments_url": f"{url}/comments",
        "commit": commit_details(github, repo, item),
        "author": maybe_user(github, github.users.get(item.author[0].lower())),
        "committer": maybe_user(github, github.users.get(item.committer[0].lower())),
        "parents": [_parent(github, repo, sha) for sha in item.parents],
    }


def git_commit(github: FakeGitHub, repo: Repository, item: Commit) -> Json:
    """The plain commit object of the git data API."""
    details = commit_details(github, repo, item)
    return {
        "sha": item.sha,
        "node_id": node_id("C", int(item.sha[:14], 16)),
        "url": details["url"],
        "html_url": f"{github.web_url}/{repo.full_name}/commit/{item.sha}",
        "author": details["author"],
        "committer": details["committer"],
        "tree": details["tree"],
        "message": item.message,
        "parents": [_parent(github, repo, sha) for sha in item.parents],
        "verification": details["verification"],
    }


def changed_file(github: FakeGitHub, repo: Repository, sha: str, file: DiffFile) -> Json:
    address, path = f"{github.web_url}/{repo.full_name}", quote(file.path, errors="replace")
    shown: Json = {
        "sha": file.blob_sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{address}/blob/{sha}/{path}",
        "raw_url": f"{address}/raw/{sha}/{path}",
        "contents_url": f"{github.api_url}/repos/{repo.full_name}/contents/{path}?ref={sha}",
    }
    if file.patch is not None:
        shown["patch"] = file.patch
    if file.status in ("renamed", "copied"):
        shown["previous_filename"] = file.old_path
    return shown


def content_file(github: FakeGitHub, repo: Repository, path: str, ref: str, blob_sha: str, content: bytes) -> Json:
    return {
        "type": "file",
        "encoding": "base64",
        "content": base64.encodebytes(content).decode(),
        **content_entry(github, repo, path, ref, blob_sha, len(content)),
    }


def content_entry(github: FakeGitHub, repo: Repository, path: str, ref: str, blob_sha: str, size: int) -> Json:
    api = f"{github.api_url}/repos/{repo.full_name}"
    links = {
        "self": f"{api}/contents/{quote(path)}?ref={quote(ref)}",
        "git": f"{api}/git/blobs/{blob_sha}",
        "html": f"{github.web_url}/{repo.full_name}/blob/{quote(ref)}/{quote(path)}",
    }
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": blob_sha,
        "size": size,
        "url": links["self"],
        "git_url": links["git"],
        "html_url": links["html"],
        "download_url": f"{github.web_url}/{repo.full_name}/raw/{quote(ref)}/{quote(path)}",
        "_links": links,
    }


def branch(github: FakeGitHub, repo: Repository, name: str, tip: Commit) -> Json:
    url = f"{github.api_url}/repos/{repo.full_name}/branches/{name}"
    guarded = name in repo.protected_branches
    return {
        "name": name,
        "commit": commit(github, repo, tip),
        "_links": {"self": url, "html": f"{github.web_url}/{repo.full_name}/tree/{name}"},
        "protected": guarded,
        "protection": {"enabled": guarded},
        "protection_url": f"{url}/protection",
    }


def git_ref(github: FakeGitHub, repo: Repository, ref: str, sha: str) -> Json:
    api = f"{github.api_url}/repos/{repo.full_name}/git"
    return {
        "ref": ref,
        "node_id": node_id("REF", int(sha[:14], 16)),
        "url": f"{api}/{ref}",
        "object": {"sha": sha, "type": "commit", "url": f"{api}/commits/{sha}"},
    }


def _who(person: tuple[str, str, str]) -> Json:
    name, email, date = person
    return {"name": name, "email": email, "date": date.replace("+00:00", "Z")}


def _parent(github: FakeGitHub, repo: Repository, sha: str) -> Json:
    return {
        "sha": sha,
        "url": f"{github.api_url}/repos/{repo.full_name}/commits/{sha}",
        "html_url": f"{github.web_url}/{repo.full_name}/commit/{sha}",
    }
