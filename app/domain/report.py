"""A finished review as what the forge is given: one body, one thread for each new finding with a place."""

from collections.abc import Mapping

from app.domain.findings import Place
from app.domain.phrases import Voice
from app.domain.review import InlineComment, ReviewDraft, ReviewResult
from app.domain.review_text import review_body
from app.domain.thread_text import thread_body


def draft_review(result: ReviewResult, places: Mapping[str, Place], voice: Voice) -> ReviewDraft | None:
    """The review to post, or None when nothing new has a place on the change.

    `places` gives, by finding id, the lines that the forge accepts. A finding without one is told by the check alone.
    """
    new = [tracked for tracked in result.open if tracked.finding_id in set(result.to_post) & places.keys()]
    if not new:
        return None
    placed = result.model_copy(update={"to_post": tuple(tracked.finding_id for tracked in new)})
    comments = tuple(
        InlineComment(
            finding_id=tracked.finding_id,
            body=thread_body(tracked, result.run_id, voice),
            **places[tracked.finding_id].model_dump(),
        )
        for tracked in new
    )
    return ReviewDraft(
        run_id=result.run_id, head_sha=result.head_sha, body=review_body(placed, voice), comments=comments
    )
