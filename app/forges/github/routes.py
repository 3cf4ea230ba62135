"""Every address of GitHub's API that we use: one table, so that what we may do there can be read and tested."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

Method = Literal["GET", "POST", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Route:
    """A method with a path template, and what a call costs by GitHub's rules for secondary limits."""

    method: Method
    template: str
    # Counts against 80 a minute and 500 an hour: whatever shows people something new.
    creates_content: bool = False
    # A GraphQL query is sent with POST, and is a read all the same.
    reads: bool = False

    @property
    def points(self) -> int:
        return 1 if self.method == "GET" or self.reads else 5

    def path(self, **parts: str | int) -> str:
        """The path with its parts quoted; ValueError for a part that could lead to another address."""
        return self.template.format(**{name: _segment(name, str(value)) for name, value in parts.items()})

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def _segment(name: str, value: str) -> str:
    if not value or value == "." or ".." in value or not value.isprintable():
        raise ValueError(f"{value!r} cannot be the {name} of an address")
    return quote(value, safe="")


# By numeric id: a repository may be renamed or transferred at any moment, its id stays.
# https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
_REPO = "/repositories/{repo}"
_PULL = _REPO + "/pulls/{number}"

# The App itself, signed with its key.
INSTALLATIONS = Route("GET", "/app/installations")
INSTALLATION_OF_REPO = Route("GET", _REPO + "/installation")
MINT_TOKEN = Route("POST", "/app/installations/{installation}/access_tokens")
REVOKE_TOKEN = Route("DELETE", "/installation/token")
DELIVERIES = Route("GET", "/app/hook/deliveries")
DELIVERY = Route("GET", "/app/hook/deliveries/{delivery}")
CONVERT_MANIFEST = Route("POST", "/app-manifests/{code}/conversions")

# Reading.
REPO = Route("GET", _REPO)
REPO_BY_NAME = Route("GET", "/repos/{owner}/{name}")
INSTALLED_REPOS = Route("GET", "/installation/repositories")
USER = Route("GET", "/users/{login}")
TOKEN_OWNER = Route("GET", "/user")
PULLS = Route("GET", _REPO + "/pulls")
PULL = Route("GET", _PULL)
PULL_FILES = Route("GET", _PULL + "/files")
PERMISSION = Route("GET", _REPO + "/collaborators/{login}/permission")
HEAD_CHECKS = Route("GET", _REPO + "/commits/{head}/check-runs")
REVIEWS = Route("GET", _PULL + "/reviews")
REVIEW = Route("GET", _PULL + "/reviews/{review}")
REVIEW_COMMENTS = Route("GET", _PULL + "/reviews/{review}/comments")
THREAD_COMMENTS = Route("GET", _PULL + "/comments")
THREAD_COMMENT = Route("GET", _REPO + "/pulls/comments/{comment}")
COMMENTS = Route("GET", _REPO + "/issues/{number}/comments")
GRAPHQL_QUERY = Route("POST", "/graphql", reads=True)

# Writing.
CREATE_CHECK = Route("POST", _REPO + "/check-runs")
UPDATE_CHECK = Route("PATCH", _REPO + "/check-runs/{check}")
CREATE_REVIEW = Route("POST", _PULL + "/reviews", creates_content=True)
SUBMIT_REVIEW = Route("POST", _PULL + "/reviews/{review}/events", creates_content=True)
DELETE_REVIEW = Route("DELETE", _PULL + "/reviews/{review}")
CREATE_COMMENT = Route("POST", _REPO + "/issues/{number}/comments", creates_content=True)
REPLY = Route("POST", _PULL + "/comments/{comment}/replies", creates_content=True)
UPDATE_THREAD_COMMENT = Route("PATCH", _REPO + "/pulls/comments/{comment}")
REACT_TO_COMMENT = Route("POST", _REPO + "/issues/comments/{comment}/reactions")
REACT_TO_THREAD_COMMENT = Route("POST", _REPO + "/pulls/comments/{comment}/reactions")
GRAPHQL_MUTATION = Route("POST", "/graphql")

# What the reader may ask. Nothing here changes anything.
READER_ROUTES = frozenset({REPO, REPO_BY_NAME, USER, TOKEN_OWNER, PULLS, PULL, PERMISSION, GRAPHQL_QUERY})

# What the poster may do: everything it can ever send, and none of it approves, merges, pushes or closes.
WRITER_ROUTES = frozenset(
    {
        CREATE_CHECK,
        UPDATE_CHECK,
        CREATE_REVIEW,
        SUBMIT_REVIEW,
        DELETE_REVIEW,
        CREATE_COMMENT,
        REPLY,
        UPDATE_THREAD_COMMENT,
        REACT_TO_COMMENT,
        REACT_TO_THREAD_COMMENT,
        GRAPHQL_MUTATION,
        # Looking for an earlier try, and for what GitHub made of ours.
        PULL,
        PULL_FILES,
        HEAD_CHECKS,
        REVIEWS,
        REVIEW,
        REVIEW_COMMENTS,
        THREAD_COMMENTS,
        THREAD_COMMENT,
        COMMENTS,
    }
)
