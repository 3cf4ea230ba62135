"""The fake GitHub's whole state in memory, and how to find things in it."""

import base64
import itertools
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.forges.fake.clock import Clock
from app.forges.fake.entities import (
    App,
    Installation,
    IssueComment,
    PullRequest,
    Repository,
    Review,
    ReviewComment,
    Thread,
    Token,
    User,
)
from app.forges.fake.hooks import Hooks
from app.forges.fake.limits import Limiter

Flavour = Literal["github.com", "ghes-3.5"]
Node = PullRequest | Thread | ReviewComment | IssueComment | Review | Repository | User


class FakeGitHub:
    """Everything that a GitHub remembers; the doors (REST, GraphQL, git, the scenario) all act on one of these."""

    def __init__(self, folder: Path, *, flavour: Flavour = "github.com", key: RSAPrivateKey | None = None) -> None:
        self.folder = folder
        # Every App gets this key when it is given: making one takes a tenth of a second.
        self.key = key
        self.flavour: Flavour = flavour
        # Set once the server knows its port.
        self.web_url = ""
        self.clock = Clock()
        self.hooks = Hooks(self.clock, enterprise=flavour != "github.com")
        self.limits = Limiter(self.clock)
        self.users: dict[str, User] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.repositories: dict[int, Repository] = {}
        self.tokens: dict[str, Token] = {}
        # Manifests that wait for their code to be exchanged.
        self.manifests: dict[str, dict[str, object]] = {}
        self.nodes: dict[str, Node] = {}
        self._ids = itertools.count(1_000_001)
        self._small_ids = itertools.count(101)

    @property
    def api_url(self) -> str:
        return self.web_url if self.flavour == "github.com" else f"{self.web_url}/api/v3"

    @property
    def graphql_url(self) -> str:
        return f"{self.web_url}/graphql" if self.flavour == "github.com" else f"{self.web_url}/api/graphql"

    def new_id(self) -> int:
        return next(self._ids)

    def new_small_id(self) -> int:
        """For accounts, repositories and Apps, whose ids people read and type."""
        return next(self._small_ids)

    def register(self, node: Node) -> None:
        """Make a thing addressable through GraphQL."""
        self.nodes[node_id_of(node)] = node

    def user(self, login: str, kind: Literal["User", "Organization", "Bot"] = "User") -> User:
        """The account of this name, made when nobody has it yet."""
        found = self.users.get(login.lower())
        if found is None:
            found = User(self.new_small_id(), login, kind)
            self.users[login.lower()] = found
            self.register(found)
        return found

    def find_repository(self, owner: str, name: str) -> Repository | None:
        wanted = f"{owner}/{name}".lower()
        return next((repo for repo in self.live_repositories() if repo.full_name.lower() == wanted), None)

    def live_repositories(self) -> Iterator[Repository]:
        return (repo for repo in self.repositories.values() if not repo.deleted)

    def installation_on(self, app: App, repo: Repository) -> Installation | None:
        return next((found for found in self.installations.values() if found.app is app and found.covers(repo)), None)

    def installations_of(self, repo: Repository) -> list[Installation]:
        return [found for found in self.installations.values() if found.covers(repo)]

    def repositories_of(self, installation: Installation) -> list[Repository]:
        return [repo for repo in self.live_repositories() if installation.covers(repo)]

    def personal_token(self, user: User) -> Token:
        token = Token(text=f"ghp_{secrets.token_hex(18)}", user=user)
        self.tokens[token.text] = token
        return token


def node_id(prefix: str, number: int) -> str:
    """An opaque id in GraphQL's newer form."""
    return f"{prefix}_{base64.urlsafe_b64encode(number.to_bytes(9, 'big')).decode().rstrip('=')}"


def node_id_of(node: Node) -> str:
    match node:
        case PullRequest():
            prefix, number = "PR", node.pull_id
        case Thread():
            prefix, number = "PRRT", node.thread_id
        case ReviewComment():
            prefix, number = "PRRC", node.comment_id
        case IssueComment():
            prefix, number = "IC", node.comment_id
        case Review():
            prefix, number = "PRR", node.review_id
        case Repository():
            prefix, number = "R", node.repo_id
        case User():
            prefix, number = ("BOT" if node.kind == "Bot" else "U"), node.user_id
    return node_id(prefix, number)
