"""Threads on GitHub: only GraphQL knows which are resolved, and resolves them."""

from pydantic import Field, JsonValue

from app.domain.feedback import Feedback, Vote
from app.domain.markers import read_finding_marker
from app.domain.pull_request import Person
from app.forges.base import Thread
from app.forges.github.byline import Byline
from app.forges.github.models import Shape

# GitHub answers large documents slowly or not at all; this many mutations take about a second.
MOST_MUTATIONS = 50

THREADS_DOCUMENT = """
query Threads($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    databaseId
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          isResolved
          isOutdated
          resolvedBy { databaseId login }
          comments(first: 1) {
            nodes {
              databaseId
              body
              author { __typename login }
              reactions(last: 50) { nodes { content user { databaseId login } } }
            }
          }
        }
      }
    }
  }
}
"""

REACT_DOCUMENT = """
mutation React($subject: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $subject, content: $content}) { reaction { content } }
}
"""


class _Author(Shape):
    # The login of an App has no "[bot]" here, so only the type tells it from a person of that name.
    typename: str = Field(alias="__typename", default="")
    login: str


class _User(Shape):
    database_id: int | None = Field(alias="databaseId", default=None)
    login: str


class _Reaction(Shape):
    content: str
    # None for an App, and for who has left.
    user: _User | None = None


class _Reactions(Shape):
    nodes: tuple[_Reaction, ...] = ()


class _Comment(Shape):
    database_id: int = Field(alias="databaseId")
    body: str = ""
    author: _Author | None = None
    reactions: _Reactions = _Reactions()


class _Comments(Shape):
    nodes: tuple[_Comment, ...]


class _Node(Shape):
    id: str
    is_resolved: bool = Field(alias="isResolved")
    is_outdated: bool = Field(alias="isOutdated", default=False)
    resolved_by: _User | None = Field(alias="resolvedBy", default=None)
    comments: _Comments


class _PageInfo(Shape):
    has_next_page: bool = Field(alias="hasNextPage")
    end_cursor: str | None = Field(alias="endCursor", default=None)


class _Threads(Shape):
    page_info: _PageInfo = Field(alias="pageInfo")
    nodes: tuple[_Node, ...]


class _PullRequest(Shape):
    threads: _Threads = Field(alias="reviewThreads")


class _Repository(Shape):
    database_id: int = Field(alias="databaseId")
    pull_request: _PullRequest = Field(alias="pullRequest")


class ThreadsPage(Shape):
    """One page of a pull request's threads, and which repository answered to the name that was asked."""

    repository: _Repository

    @property
    def repo_id(self) -> str:
        return str(self.repository.database_id)

    @property
    def next_cursor(self) -> str | None:
        info = self.repository.pull_request.threads.page_info
        return info.end_cursor if info.has_next_page else None

    def ours(self, byline: Byline) -> list[Thread]:
        """Threads that we opened about a finding. Anybody can type our marker: only the author makes it true."""
        nodes = self.repository.pull_request.threads.nodes
        return [thread for node in nodes if (thread := _thread(node, byline))]


def _thread(node: _Node, byline: Byline) -> Thread | None:
    first = node.comments.nodes[0] if node.comments.nodes else None
    if first is None or first.author is None or not byline.wrote(first.author.login, first.author.typename):
        return None
    marker = read_finding_marker(first.body)
    if marker is None:
        return None
    by = node.resolved_by
    return Thread(
        thread_id=node.id,
        root_comment_id=str(first.database_id),
        finding_id=marker[0],
        resolved=node.is_resolved,
        resolved_by=_person(by) if by else None,
        outdated=node.is_outdated,
        feedback=tuple(
            Feedback(person=_person(one.user), vote=_VOTES[one.content])
            for one in first.reactions.nodes
            if one.user and one.content in _VOTES
        ),
    )


_VOTES: dict[str, Vote] = {"THUMBS_UP": "up", "THUMBS_DOWN": "down"}


def _person(user: _User) -> Person:
    return Person(user_id=str(user.database_id or ""), login=user.login)


def resolve_document(threads: list[Thread]) -> tuple[str, dict[str, JsonValue]]:
    """One document with a mutation for each thread, named t0, t1, …, and its variables."""
    names = [f"t{index}" for index in range(len(threads))]
    wanted = ", ".join(f"${name}: ID!" for name in names)
    fields = "\n".join(
        f"  {name}: resolveReviewThread(input: {{threadId: ${name}}}) {{ thread {{ id }} }}" for name in names
    )
    variables: dict[str, JsonValue] = {name: thread.thread_id for name, thread in zip(names, threads, strict=True)}
    return f"mutation Resolve({wanted}) {{\n{fields}\n}}", variables
