"""What a person has written on a pull request before: our reviews in their name, and a draft of their own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.domain.markers import read_run_marker
from app.domain.pull_request import PullRequestRef
from app.forges.registry import Connection
from app.one_process_limits import OneProcessLimits


@dataclass(frozen=True)
class OwnReviews:
    """`submitted`: by run, where its review stands on the page. `draft`: one of theirs keeps us from posting."""

    submitted: dict[str, str]
    draft: bool = False

    def of(self, run_id: str) -> str | None:
        """The place of this run's review."""
        return self.submitted.get(run_id)


async def own_reviews(connection: Connection, ref: PullRequestRef) -> OwnReviews:
    """Asked with the person's own token: nobody else sees their draft."""
    return await _ASKING[connection.kind](connection, ref)


async def _on_github(connection: Connection, ref: PullRequestRef) -> OwnReviews:
    # Imported here, as wherever githubkit would be loaded for a review of local work.
    from app.forges.github import routes
    from app.forges.github.auth import TokenAuth
    from app.forges.github.calls import Calls
    from app.forges.github.client import GitHubClient
    from app.forges.github.models import ReviewShape

    client = GitHubClient(connection, OneProcessLimits())
    try:
        auth = TokenAuth(client, connection.token.get_secret_value())
        byline = await auth.byline()
        calls = Calls(client, auth, "read", frozenset({routes.REVIEWS}))
        listed = await calls.all(routes.REVIEWS, ref.repo_id, ReviewShape, number=ref.number)
    finally:
        await client.close()
    own = [one for one in listed if one.user and byline.wrote(one.user.login, one.user.type)]
    marked = [(one, read_run_marker(one.body or "")) for one in own]
    return OwnReviews(
        submitted={
            run_id: f"pullrequestreview-{one.id}" for one, run_id in marked if run_id and one.state != "PENDING"
        },
        draft=any(one.state == "PENDING" and run_id is None for one, run_id in marked),
    )


async def _on_gitlab(connection: Connection, ref: PullRequestRef) -> OwnReviews:
    """The note below the threads is the last that is written of a review. Drafts of theirs are never in our way."""
    from app.forges.gitlab import routes
    from app.forges.gitlab.calls import Calls
    from app.forges.gitlab.client import GitLabClient
    from app.forges.gitlab.models import NoteShape

    client = GitLabClient(connection, OneProcessLimits())
    try:
        calls = Calls(client, frozenset({routes.NOTES}))
        notes = await calls.all(routes.NOTES, NoteShape, repo=ref.repo_id, number=ref.number)
    finally:
        await client.close()
    own = [one for one in notes if one.author and one.author.id == connection.user_id and not one.system]
    return OwnReviews({run_id: f"note_{one.id}" for one in own if (run_id := read_run_marker(one.body))})


_ASKING: Mapping[str, Callable[[Connection, PullRequestRef], Awaitable[OwnReviews]]] = {
    "github": _on_github,
    "gitlab": _on_gitlab,
}
