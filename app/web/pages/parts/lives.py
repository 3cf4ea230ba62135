"""The life of each finding: where it was raised, and what mended or closed it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from app.domain.findings import TrackedFinding
from app.domain.phrases import short
from app.domain.review import ReviewResult
from app.store.blobs import Blobs
from app.store.run_rows import RunRow
from app.web.pages.parts.words import line

# How many earlier results are read to learn which head mended a finding?
_RESULTS_READ = 20


class Moment(NamedTuple):
    """Something that happened to a finding; without a time where none is kept."""

    text: str
    at: datetime | None = None


async def mended_at(blobs: Blobs, runs: Iterable[RunRow], findings: Sequence[TrackedFinding]) -> dict[str, str]:
    """Finding id -> the head that mended it, as far as the newest results tell."""
    sought = {one.finding_id for one in findings if one.state == "mended"}
    found: dict[str, str] = {}
    with_result = [row.run for row in runs if row.run.result_key]
    for run in with_result[:_RESULTS_READ]:
        if sought <= found.keys():
            break
        result = await result_of(blobs, run.result_key)
        for one in result.mended if result is not None else ():
            found.setdefault(one.finding_id, run.head_sha)
    return found


async def result_of(blobs: Blobs, key: str) -> ReviewResult | None:
    """None when there is none, or when its retention is over."""
    try:
        return await blobs.get_model(key, ReviewResult) if key else None
    except FileNotFoundError:
        return None


def life(finding: TrackedFinding, mended_in: str = "") -> tuple[Moment, ...]:
    raised = Moment(f"raised in {short(finding.first_seen_sha)}", finding.first_seen_at)
    match finding.state:
        case "open":
            return (raised,)
        case "mended":
            return (raised, Moment(f"mended in {short(mended_in)}" if mended_in else "mended"))
        case "dismissed":
            by = f"dismissed by {line(finding.dismissed_by)}" if finding.dismissed_by else "dismissed"
            return (raised, Moment(f"{by}: {line(finding.dismissed_why)}" if finding.dismissed_why else by))
        case "withdrawn":
            return (raised, Moment("withdrawn"))
