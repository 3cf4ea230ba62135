"""Projects, groups, members and people."""

from datetime import datetime

from app.forges.fake.exchange import Answer
from app.forges.fake.gitlab.call import Call, Routes
from app.forges.fake.gitlab.entities import Access, Group, Project, User
from app.forges.fake.gitlab.errors import not_found
from app.forges.fake.gitlab.shapes.people import group as group_shape
from app.forges.fake.gitlab.shapes.people import member, myself, project, token, user_basic

routes = Routes()


@routes.on("GET /user")
async def me(call: Call) -> Answer:
    return Answer(data=myself(call.gitlab, call.user))


@routes.on("GET /users")
async def users(call: Call) -> Answer:
    wanted = call.query.get("username", "").lower()
    return call.page([user for user in _live(call) if wanted in ("", user.username.lower())], user_basic)


@routes.on("GET /users/{user_id}")
async def one_user(call: Call) -> Answer:
    user = _user(call)
    return Answer(data={**user_basic(call.gitlab, user), "bot": user.bot})


@routes.on("GET /version")
async def version(call: Call) -> Answer:
    _ = call.user
    return Answer(data={"version": "18.5.0", "revision": "0a1b2c3d4e5"})


@routes.on("GET /metadata")
async def metadata(call: Call) -> Answer:
    _ = call.user
    kas = {"enabled": False, "externalUrl": None, "version": None}
    return Answer(data={"version": "18.5.0", "revision": "0a1b2c3d4e5", "kas": kas, "enterprise": False})


@routes.on("GET /personal_access_tokens/self")
async def own_token(call: Call) -> Answer:
    _ = call.user
    return Answer(data=token(call.gitlab, call.viewer.token) if call.viewer.token else None)


@routes.on("GET /projects")
async def projects(call: Call) -> Answer:
    found = [one for one in call.gitlab.live_projects() if one.is_seen_by(call.viewer.user)]
    return _listed(call, found, membership=call.query.get("membership") == "true")


@routes.on("GET /projects/{id}")
async def one_project(call: Call) -> Answer:
    role = call.project.role_of(call.viewer.user) if call.viewer.user else Access.NONE
    access = {"access_level": int(role), "notification_level": 3} if role else None
    permissions = {"project_access": access, "group_access": None}
    return Answer(data={**project(call.gitlab, call.project), "permissions": permissions})


@routes.on("GET /groups/{id}")
async def one_group(call: Call) -> Answer:
    return Answer(data=group_shape(call.gitlab, group_of(call)))


@routes.on("GET /groups/{id}/projects")
async def group_projects(call: Call) -> Answer:
    wanted, below = group_of(call), call.query.get("include_subgroups") == "true"
    found = [
        one
        for one in call.gitlab.live_projects()
        if one.is_seen_by(call.viewer.user)
        and (one.namespace is wanted or (below and wanted in one.namespace.lineage()))
    ]
    return _listed(call, found, membership=False)


@routes.on("GET /projects/{id}/members", needs="guest")
async def direct_members(call: Call) -> Answer:
    return call.page(_members(call, inherited=False), member)


@routes.on("GET /projects/{id}/members/all", needs="guest")
async def all_members(call: Call) -> Answer:
    return call.page(_members(call, inherited=True), member)


@routes.on("GET /projects/{id}/members/{user_id}", needs="guest")
async def one_direct_member(call: Call) -> Answer:
    return _member(call, inherited=False)


@routes.on("GET /projects/{id}/members/all/{user_id}", needs="guest")
async def one_member(call: Call) -> Answer:
    return _member(call, inherited=True)


def group_of(call: Call) -> Group:
    """The group of the path, by id or full path; 404 where one is no member of it."""
    name = call.params["id"].lower()
    found = next(
        (one for one in call.gitlab.groups.values() if name in (str(one.group_id), one.full_path.lower())), None
    )
    if found is None or call.viewer.user is None or not _is_inside(call, found):
        raise not_found("Group")
    return found


def _is_inside(call: Call, group: Group) -> bool:
    below = [one for one in call.gitlab.live_projects() if group in one.namespace.lineage()]
    return group.role_of(call.user) > Access.NONE or any(one.role_of(call.user) > Access.NONE for one in below)


def _listed(call: Call, found: list[Project], *, membership: bool) -> Answer:
    """The filters that lists of projects know."""
    least = call.query.get("min_access_level", "")
    if call.viewer.user is not None and (membership or least):
        needed = Access(int(least)) if least else Access.GUEST
        found = [one for one in found if one.role_of(call.user) >= needed]
    if call.query.get("archived") in ("true", "false"):
        found = [one for one in found if one.archived == (call.query["archived"] == "true")]
    after = call.query.get("last_activity_after")
    if after:
        found = [one for one in found if one.created_at >= datetime.fromisoformat(after)]
    if call.query.get("pagination") == "keyset":
        return call.keyset(found, lambda one: one.project_id, project)
    return call.page(sorted(found, key=lambda one: one.project_id, reverse=True), project)


def _members(call: Call, *, inherited: bool) -> list[tuple[User, Access]]:
    own, users = call.project.members, _live(call)
    if not inherited:
        return [(user, own[user.user_id]) for user in users if own.get(user.user_id)]
    return [(user, call.project.role_of(user)) for user in users if call.project.role_of(user)]


def _member(call: Call, *, inherited: bool) -> Answer:
    user = _user(call)
    held = dict(_members(call, inherited=inherited)).get(user)
    if held is None:
        raise not_found()
    return Answer(data=member(call.gitlab, (user, held)))


def _live(call: Call) -> list[User]:
    return [user for user in call.gitlab.users.values() if not user.deleted]


def _user(call: Call) -> User:
    found = call.gitlab.user_by_id(call.number("user_id"))
    if found is None or found.deleted:
        raise not_found("User")
    return found
