"""Accounts, Apps and installations as the API shows them."""

from app.forges.fake.clock import stamp
from app.forges.fake.entities import App, Installation, Label, Repository, User
from app.forges.fake.state import FakeGitHub, node_id, node_id_of

Json = dict[str, object]

_USER_LINKS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}


def simple_user(github: FakeGitHub, user: User) -> Json:
    url = f"{github.api_url}/users/{user.login}"
    return {
        "login": user.login,
        "id": user.user_id,
        "node_id": node_id_of(user),
        "avatar_url": f"{github.web_url}/avatars/u/{user.user_id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{github.web_url}/{user.login}",
        **{name: f"{url}/{rest}" for name, rest in _USER_LINKS.items()},
        "type": user.kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def maybe_user(github: FakeGitHub, user: User | None) -> Json | None:
    """Nothing where the account was deleted."""
    return None if user is None or user.deleted else simple_user(github, user)


def public_user(github: FakeGitHub, user: User) -> Json:
    nothing = dict.fromkeys(("bio", "blog", "company", "email", "hireable", "location", "name", "twitter_username"))
    return {
        **simple_user(github, user),
        **nothing,
        "followers": 0,
        "following": 0,
        "public_gists": 0,
        "public_repos": 0,
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
    }


def app(github: FakeGitHub, item: App) -> Json:
    return {
        "id": item.app_id,
        "client_id": item.client_id,
        "slug": item.slug,
        "node_id": node_id("A", item.app_id),
        "owner": simple_user(github, item.owner),
        "name": item.name,
        "description": "",
        "external_url": "https://example.com",
        "html_url": f"{github.web_url}/apps/{item.slug}",
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.created_at),
        "permissions": dict(item.permissions),
        "events": list(item.events),
    }


def own_app(github: FakeGitHub, item: App) -> Json:
    """What the App itself is told: with the number of its installations."""
    alive = [one for one in github.installations.values() if one.app is item and not one.deleted]
    return {**app(github, item), "installations_count": len(alive)}


def installation(github: FakeGitHub, item: Installation) -> Json:
    url = f"{github.api_url}/app/installations/{item.installation_id}"
    return {
        "id": item.installation_id,
        "client_id": item.app.client_id,
        "account": simple_user(github, item.account),
        "repository_selection": "all" if item.repository_ids is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{github.api_url}/installation/repositories",
        "html_url": f"{github.web_url}/settings/installations/{item.installation_id}",
        "app_id": item.app.app_id,
        "app_slug": item.app.slug,
        "target_id": item.account.user_id,
        "target_type": item.account.kind,
        "permissions": dict(item.permissions),
        "events": list(item.events),
        "created_at": stamp(item.created_at),
        "updated_at": stamp(item.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": simple_user(github, item.account) if item.suspended_at else None,
        "suspended_at": stamp(item.suspended_at),
    }


def label(github: FakeGitHub, repo: Repository, item: Label) -> Json:
    return {
        "id": item.label_id,
        "node_id": node_id("LA", item.label_id),
        "url": f"{github.api_url}/repos/{repo.full_name}/labels/{item.name}",
        "name": item.name,
        "color": item.color,
        "default": False,
        "description": item.description,
        "archived_at": None,
        "archived_by": None,
    }


def association(repo: Repository, user: User) -> str:
    """How somebody stands to a repository."""
    if user is repo.owner:
        return "OWNER"
    if user.user_id in repo.roles:
        return "MEMBER" if repo.owner.kind == "Organization" else "COLLABORATOR"
    wrote = any(pull.author is user and pull.merged_at for pull in repo.pulls.values())
    return "CONTRIBUTOR" if wrote else "NONE"
