"""What a repository's own CI has sent about a head, for whoever reads it or concludes over it."""

from app.domain.diff import Diff
from app.domain.pull_request import PullRequestRef
from app.domain.review import ReviewerReport
from app.store.uploads import Uploads
from reviewers.linters.uploaded import uploaded_report


class Uploaded:
    def __init__(self, uploads: Uploads) -> None:
        self.uploads = uploads

    async def of(self, ref: PullRequestRef, diff: Diff) -> ReviewerReport:
        """As of now: what comes later is kept, and shown on the run's page."""
        kept = await self.uploads.of(ref.connection, ref.repo_id, diff.head_sha)
        return uploaded_report([one.upload for one in kept], diff)
