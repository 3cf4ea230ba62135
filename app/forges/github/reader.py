"""Reading GitHub with tokens that may only read."""

from collections.abc import Sequence

from pydantic import JsonValue

from app.domain.errors import ForgeRefused, Gone, UserError
from app.domain.pull_request import Permission, Person, PullRequest, PullRequestRef, Repo
from app.forges.base import GitAccess, Thread
from app.forges.github import routes
from app.forges.github.auth import AppAuth, Auth, basic_header
from app.forges.github.calls import Calls
from app.forges.github.client import GitHubClient
from app.forges.github.models import InstallationShape, InstalledReposShape, PermissionShape, PullShape, RepoShape
from app.forges.github.paging import each_page
from app.forges.github.threads import THREADS_DOCUMENT, ThreadsPage


class GitHubReader:
    """The `ForgeReader` of one connection."""

    def __init__(self, client: GitHubClient, auth: Auth) -> None:
        self._client = client
        self._auth = auth
        self._calls = Calls(client, auth, "read", routes.READER_ROUTES)
        # Last known names by id. GraphQL knows repositories by name only; a stale one is noticed by the id it returns.
        self._names: dict[str, str] = {}

    async def pull_request(self, ref: PullRequestRef) -> PullRequest:
        answer = await self._calls.send(routes.PULL, ref.repo_id, number=ref.number)
        return await self._pull_request(answer.read(PullShape), ref.repo_id)

    async def repositories(self) -> Sequence[Repo]:
        """Every repository of every installation; a personal token was given none."""
        if not isinstance(self._auth, AppAuth):
            return ()
        found: list[Repo] = []
        for installation in await self._auth.installations():
            if installation.suspended_at is None:
                found.extend(await self._installed(self._auth, installation))
        self._names.update({repo.repo_id: repo.full_name for repo in found})
        return found

    async def open_pull_requests(self, repo: Repo) -> Sequence[PullRequest]:
        shapes = await self._calls.all(routes.PULLS, repo.repo_id, PullShape, {"state": "open"})
        return [await self._pull_request(shape, repo.repo_id) for shape in shapes]

    async def permission(self, repo: Repo, person: Person) -> Permission:
        """Asked by login, as the API wants it; whoever has taken over that login since then has no permission."""
        try:
            answer = await self._calls.send(routes.PERMISSION, repo.repo_id, login=person.login)
        except Gone:
            return Permission.NONE
        shape = answer.read(PermissionShape)
        if shape.user is None or str(shape.user.id) != person.user_id:
            return Permission.NONE
        return _permission(shape)

    async def threads(self, ref: PullRequestRef) -> Sequence[Thread]:
        byline = await self._auth.byline()
        found: list[Thread] = []
        cursor: str | None = None
        while True:
            page = await self._threads_page(ref, cursor)
            found.extend(page.ours(byline))
            cursor = page.next_cursor
            if cursor is None:
                return found

    async def git_access(self, repo: Repo) -> GitAccess:
        connection = self._client.connection
        name = self._names.get(repo.repo_id, repo.full_name)
        return GitAccess(
            url=f"{connection.web_url.rstrip('/')}/{name}.git",
            header=basic_header(await self._calls.grant(repo.repo_id)),
            ca_file=connection.ca_file,
            proxy=connection.proxy,
        )

    async def me(self) -> Person:
        return await self._auth.me()

    async def find_repo(self, full_name: str) -> Repo:
        """A repository by the name in its address; for people who type one."""
        owner, _, name = full_name.partition("/")
        if not owner or not name or "/" in name:
            raise UserError(f"{full_name!r} is no repository; write OWNER/NAME.")
        if isinstance(self._auth, AppAuth):
            wanted = full_name.lower()
            for repo in await self.repositories():
                if repo.full_name.lower() == wanted:
                    return repo
            raise UserError(f"The App is not installed on {full_name!r}.")
        grant = await self._auth.grant("", "list")
        shape = (await self._client.send(grant, routes.REPO_BY_NAME, owner=owner, name=name)).read(RepoShape)
        return shape.repo(self._client.connection.key, "")

    async def _pull_request(self, shape: PullShape, repo_id: str) -> PullRequest:
        self._names[repo_id] = shape.base.repo.full_name
        return shape.pull_request(self._client.connection.key, await self._calls.installation_id(repo_id))

    async def _installed(self, auth: AppAuth, installation: InstallationShape) -> list[Repo]:
        try:
            grant = await auth.installation_grant(installation, "list")
            shapes: list[RepoShape] = []
            async for page in each_page(lambda asked: self._client.send(grant, routes.INSTALLED_REPOS, params=asked)):
                shapes.extend(page.read(InstalledReposShape).repositories)
        except ForgeRefused:
            # Suspended or removed since it was listed.
            return []
        return [shape.repo(self._client.connection.key, str(installation.id)) for shape in shapes]

    async def _threads_page(self, ref: PullRequestRef, cursor: str | None) -> ThreadsPage:
        """Asked by the name we know; when another repository, or none, answers to it, by the name it has now."""
        try:
            page = await self._ask_threads(ref, await self._name(ref.repo_id), cursor)
            if page.repo_id == ref.repo_id:
                return page
        except Gone:
            pass
        self._names.pop(ref.repo_id, None)
        return await self._ask_threads(ref, await self._name(ref.repo_id), cursor)

    async def _ask_threads(self, ref: PullRequestRef, full_name: str, cursor: str | None) -> ThreadsPage:
        owner, _, name = full_name.partition("/")
        variables: dict[str, JsonValue] = {"owner": owner, "name": name, "number": ref.number, "after": cursor}
        result = await self._calls.graphql(routes.GRAPHQL_QUERY, ref.repo_id, THREADS_DOCUMENT, variables)
        return ThreadsPage.model_validate(result.data)

    async def _name(self, repo_id: str) -> str:
        if repo_id not in self._names:
            self._names[repo_id] = (await self._calls.send(routes.REPO, repo_id)).read(RepoShape).full_name
        return self._names[repo_id]


def _permission(shape: PermissionShape) -> Permission:
    flags = shape.user.permissions if shape.user else None
    if flags is not None:
        by_flag = {
            Permission.ADMIN: flags.admin,
            Permission.MAINTAIN: flags.maintain,
            Permission.WRITE: flags.push,
            Permission.TRIAGE: flags.triage,
            Permission.READ: flags.pull,
        }
        return next((permission for permission, given in by_flag.items() if given), Permission.NONE)
    # Older servers: an organisation's own role has a name of its own, the old word then says what it is built on.
    known = {permission.value for permission in Permission}
    word = shape.role_name if shape.role_name in known else shape.permission
    return Permission(word) if word in known else Permission.NONE
