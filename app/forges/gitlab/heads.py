"""The versions of merge requests that were read lately, so that posting need not ask again which commits they have."""

from collections import OrderedDict

from app.domain.errors import ForgeRefused, ForgeUnavailable
from app.domain.model import Frozen
from app.domain.pull_request import PullRequestRef
from app.forges.gitlab.models import DiffRefsShape, MergeRequestShape

# How many are kept? Each is a few hundred bytes, and a review needs its own for some minutes.
MOST_KEPT = 500


class Head(Frozen):
    """A version of a change: its three commits, and the project it comes from (None: the fork was deleted)."""

    base_sha: str
    start_sha: str
    head_sha: str
    source_repo_id: str | None


class Heads:
    """Shared by the reader and the writer of one connection."""

    def __init__(self) -> None:
        self._kept: OrderedDict[PullRequestRef, Head] = OrderedDict()

    def keep(self, ref: PullRequestRef, shape: MergeRequestShape) -> Head:
        """What was just read; an error when GitLab does not know it yet, or there is nothing to know."""
        refs = _diff_refs(shape)
        head = Head(
            base_sha=refs.base_sha,
            start_sha=refs.start_sha,
            # Behind `sha`, which moves at once, the diff follows a moment later.
            head_sha=refs.head_sha,
            source_repo_id=str(shape.source_project_id) if shape.source_project_id else None,
        )
        self._kept[ref] = head
        self._kept.move_to_end(ref)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return head

    def find(self, ref: PullRequestRef, head_sha: str) -> Head | None:
        head = self._kept.get(ref)
        return head if head and head.head_sha == head_sha else None


def _diff_refs(shape: MergeRequestShape) -> DiffRefsShape:
    """GitLab makes them in the background: after opening they are null, after a push they are of the former head."""
    refs = shape.diff_refs
    if refs is None and shape.prepared_at is not None:
        raise ForgeRefused(409, f"merge request {shape.iid} has no commits")
    if refs is None or (shape.state == "opened" and shape.sha is not None and refs.head_sha != shape.sha):
        raise ForgeUnavailable(f"merge request {shape.iid}: GitLab is still preparing its diff")
    return refs
