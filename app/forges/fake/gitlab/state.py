"""The fake GitLab's whole state in memory, and how to find things in it."""

import itertools
import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from app.forges.fake.clock import Clock
from app.forges.fake.git import GitRepository
from app.forges.fake.gitlab.entities import Access, Group, MergeRequest, Note, Project, Token, User, Visibility
from app.forges.fake.gitlab.hooks import Hooks
from app.forges.fake.gitlab.limits import Limiter

# How long a token lives when nobody says; GitLab allows a year at most.
TOKEN_LIFE = timedelta(days=90)


class GitLabState:
    """Everything that a GitLab remembers; the doors (REST, git, the scenario) all act on one of these."""

    def __init__(self, folder: Path, *, prefix: str = "") -> None:
        self.folder = folder
        # A self-managed GitLab may live below a path: "/gitlab".
        self.prefix = prefix
        # Set once the server knows its port; with the prefix.
        self.web_url = ""
        self.clock = Clock()
        self.hooks = Hooks(self)
        self.limits = Limiter(self.clock)
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.projects: dict[int, Project] = {}
        self.tokens: dict[str, Token] = {}
        # How often a new or pushed merge request is read before it has its diff_refs.
        self.unprepared_reads = 0
        self._ids = itertools.count(1_000_001)
        self._small_ids = itertools.count(101)

    @property
    def api_url(self) -> str:
        return f"{self.web_url}/api/v4"

    @property
    def today(self) -> date:
        return self.clock.now().date()

    def new_id(self) -> int:
        return next(self._ids)

    def new_small_id(self) -> int:
        """For accounts, groups and projects, whose ids people read and type."""
        return next(self._small_ids)

    def new_hash(self) -> str:
        """A discussion's id: forty hexadecimal digits."""
        return secrets.token_hex(20)

    def user(self, username: str, *, bot: bool = False) -> User:
        """The account of this name, made when nobody has it yet."""
        found = self.users.get(username.lower())
        if found is None:
            found = User(self.new_small_id(), username, username.replace("-", " ").title(), bot)
            self.users[username.lower()] = found
        return found

    def user_by_id(self, user_id: int) -> User | None:
        return next((user for user in self.users.values() if user.user_id == user_id), None)

    def group(self, full_path: str) -> Group:
        """The group of this path, made with those above it."""
        found = self.groups.get(full_path.lower())
        if found is None:
            above, _, path = full_path.rpartition("/")
            found = Group(self.new_small_id(), path, self.group(above) if above else None)
            self.groups[full_path.lower()] = found
        return found

    def namespace_of(self, user: User) -> Group:
        """A person's own namespace."""
        found = self.group(user.username)
        found.owner = user
        return found

    def create_project(
        self,
        namespace: Group,
        path: str,
        *,
        visibility: Visibility,
        default_branch: str,
        fork_of: Project | None = None,
    ) -> Project:
        """An empty project with its bare repository."""
        project_id = self.new_small_id()
        project = Project(
            project_id=project_id,
            namespace=namespace,
            path=path,
            git=GitRepository(self.folder / f"{project_id}.git"),
            visibility=visibility,
            default_branch=default_branch,
            created_at=self.clock.now(),
            fork_of=fork_of,
        )
        project.git.create(default_branch)
        self.projects[project_id] = project
        for other in self.projects.values():
            other.old_paths.discard(project.full_path.lower())
        return project

    def find_project(self, name: str) -> tuple[Project, bool] | None:
        """By id or path; True when it was found under a path that it had before."""
        if name.isdecimal():
            found = self.projects.get(int(name)) if len(name) < 18 else None
            return (found, False) if found is not None and not found.deleted else None
        wanted = name.lower()
        for project in self.live_projects():
            if project.full_path.lower() == wanted:
                return project, False
        for project in self.live_projects():
            if wanted in project.old_paths:
                return project, True
        return None

    def live_projects(self) -> Iterator[Project]:
        return (project for project in self.projects.values() if not project.deleted)

    def merge_requests(self) -> Iterator[MergeRequest]:
        return (found for project in self.live_projects() for found in project.merge_requests.values())

    def move_project(self, project: Project, *, namespace: Group | None = None, path: str | None = None) -> None:
        """Rename or transfer; the old path leads to the new one."""
        project.old_paths.add(project.full_path.lower())
        project.namespace, project.path = namespace or project.namespace, path or project.path

    def make_token(
        self,
        user: User,
        *,
        name: str,
        scopes: frozenset[str],
        expires_at: date | None,
        access: Access | None = None,
        project: Project | None = None,
        group: Group | None = None,
        family: int | None = None,
    ) -> Token:
        token_id = self.new_id()
        token = Token(
            token_id=token_id,
            text=f"glpat-{secrets.token_hex(10)}",
            user=user,
            name=name,
            scopes=scopes,
            created_at=self.clock.now(),
            expires_at=expires_at,
            family=token_id if family is None else family,
            access=access,
            project=project,
            group=group,
        )
        self.tokens[token.text] = token
        return token

    def note(self, merge_request: MergeRequest, note_id: int) -> Note | None:
        return next((note for note in merge_request.notes if note.note_id == note_id), None)
