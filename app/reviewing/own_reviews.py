"""What a person has written on a pull request before: our reviews in their name, and a draft of their own."""

from dataclasses import dataclass

from app.domain.markers import read_run_marker
from app.domain.pull_request import PullRequestRef
from app.forges.registry import Connection
from app.one_process_limits import OneProcessLimits


@dataclass(frozen=True)
class OwnReviews:
    """`submitted` by run id. `draft`: something of theirs waits to be submitted, which is never ours to remove."""

    submitted: dict[str, str]
    draft: bool

    def of(self, run_id: str) -> str | None:
        """The review of this run."""
        return self.submitted.get(run_id)


async def own_reviews(connection: Connection, ref: PullRequestRef) -> OwnReviews:
    """Asked with the person's own token: nobody else sees their draft."""
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
        submitted={run_id: str(one.id) for one, run_id in marked if run_id and one.state != "PENDING"},
        draft=any(one.state == "PENDING" and run_id is None for one, run_id in marked),
    )
