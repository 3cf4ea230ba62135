"""People, projects, groups, tokens and hooks as the API shows them."""

from app.forges.fake.gitlab.entities import Access, Group, Hook, Project, Token, User
from app.forges.fake.gitlab.hooks import EVENT_NAMES
from app.forges.fake.gitlab.shapes.times import stamp
from app.forges.fake.gitlab.state import GitLabState

Json = dict[str, object]
LEVELS = {"private": 0, "internal": 10, "public": 20}


def user_basic(gitlab: GitLabState, user: User) -> Json:
    return {
        "id": user.user_id,
        "username": user.username,
        "public_email": None,
        "name": user.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{gitlab.web_url}/{user.username}",
    }


def maybe_user(gitlab: GitLabState, user: User | None) -> Json | None:
    return None if user is None else user_basic(gitlab, user)


def myself(gitlab: GitLabState, user: User) -> Json:
    """What `/user` adds about oneself."""
    return {
        **user_basic(gitlab, user),
        "bot": user.bot,
        "email": f"{user.username}@users.noreply.example",
        "commit_email": f"{user.username}@users.noreply.example",
        "two_factor_enabled": False,
        "external": False,
        "can_create_project": not user.bot,
    }


def member(gitlab: GitLabState, held: tuple[User, Access]) -> Json:
    user, access = held
    return {
        **user_basic(gitlab, user),
        "access_level": int(access),
        "created_at": "2026-01-01T00:00:00.000Z",
        "expires_at": None,
        "membership_state": "active",
    }


def namespace(gitlab: GitLabState, group: Group) -> Json:
    return {
        "id": group.group_id,
        "name": group.path,
        "path": group.path,
        "kind": "user" if group.owner else "group",
        "full_path": group.full_path,
        "parent_id": group.parent.group_id if group.parent else None,
        "avatar_url": None,
        "web_url": f"{gitlab.web_url}/{'' if group.owner else 'groups/'}{group.full_path}",
    }


def group(gitlab: GitLabState, item: Group) -> Json:
    return {
        "id": item.group_id,
        "name": item.path,
        "path": item.path,
        "full_name": item.full_path.replace("/", " / "),
        "full_path": item.full_path,
        "parent_id": item.parent.group_id if item.parent else None,
        "visibility": "private",
        "web_url": f"{gitlab.web_url}/groups/{item.full_path}",
    }


def project(gitlab: GitLabState, item: Project) -> Json:
    web = f"{gitlab.web_url}/{item.full_path}"
    shown: Json = {
        "id": item.project_id,
        "description": None,
        "name": item.path,
        "name_with_namespace": item.full_path.replace("/", " / "),
        "path": item.path,
        "path_with_namespace": item.full_path,
        "created_at": stamp(item.created_at),
        "default_branch": item.default_branch,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@gitlab.example:{item.full_path}.git",
        "http_url_to_repo": f"{web}.git",
        "web_url": web,
        "readme_url": f"{web}/-/blob/{item.default_branch}/README.md",
        "avatar_url": None,
        "namespace": namespace(gitlab, item.namespace),
        "visibility": item.visibility,
        "archived": item.archived,
        "empty_repo": False,
        "merge_requests_access_level": "enabled",
        "only_allow_merge_if_pipeline_succeeds": item.only_allow_merge_if_pipeline_succeeds,
        "only_allow_merge_if_all_discussions_are_resolved": False,
        "merge_method": "merge",
        "squash_option": "default_off",
        "last_activity_at": stamp(item.created_at),
    }
    if item.fork_of is not None and not item.fork_of.deleted:
        parent = item.fork_of
        shown["forked_from_project"] = {"id": parent.project_id, "path_with_namespace": parent.full_path}
    return shown


def token(gitlab: GitLabState, item: Token) -> Json:
    return {
        "id": item.token_id,
        "name": item.name,
        "description": None,
        "revoked": item.revoked,
        "created_at": stamp(item.created_at),
        "scopes": sorted(item.scopes),
        "user_id": item.user.user_id,
        "last_used_at": stamp(gitlab.clock.now()),
        "active": item.active(gitlab.today),
        "expires_at": item.expires_at.isoformat() if item.expires_at else None,
        **({"access_level": int(item.access)} if item.access is not None else {}),
    }


def hook(gitlab: GitLabState, item: Hook) -> Json:
    """Without its secrets: they are never shown again."""
    owner: Json = {"project_id": item.project.project_id} if item.project else {}
    if item.group is not None:
        owner = {"group_id": item.group.group_id}
    return {
        "id": item.hook_id,
        "url": item.url,
        "name": item.name or None,
        "description": None,
        "created_at": stamp(item.created_at),
        **owner,
        **{event: item.events.get(event, False) for event in EVENT_NAMES},
        "enable_ssl_verification": True,
        "push_events_branch_filter": None,
        "branch_filter_strategy": "wildcard",
        "alert_status": gitlab.hooks.state_of(item),
        "disabled_until": stamp(item.disabled_until),
        "url_variables": [],
        "custom_headers": [],
    }
