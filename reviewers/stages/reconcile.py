"""What is known already: which candidates are old acquaintances, and what became of those nobody mentioned."""

from collections.abc import Iterable, Mapping, Sequence

from app.domain.anchors import find_quote
from app.domain.coverage import Coverage
from app.domain.diff import Diff
from app.domain.findings import Finding, Place, TrackedFinding
from app.domain.identity import assign, keys
from reviewers.stages.base import Candidate
from reviewers.stages.hold_back import read_hunks


def match_known(
    findings: Sequence[Finding], known: Sequence[TrackedFinding], diff: Diff, texts: Mapping[str, str]
) -> list[Candidate]:
    """Each finding with its keys and the known finding it is.

    A mended finding is no acquaintance: when its bug comes back, that is news and gets a thread of its own.
    """
    alive = [one for one in known if one.state != "mended"]
    matches = assign(alive, findings, lambda one: place_now(one, diff, texts))
    return [
        Candidate(finding=finding, keys=keys(finding), known=match)
        for finding, match in zip(findings, matches, strict=True)
    ]


def mended_and_open(
    known: Iterable[TrackedFinding],
    seen: Iterable[Candidate],
    coverage: Coverage,
    diff: Diff,
    texts: Mapping[str, str],
) -> tuple[list[str], list[str]]:
    """Ids of the open findings that nobody saw this time: those that are mended, and those that stay open.

    Mended needs two things: the quoted code is gone, and its reviewer read what stands there now. Without the second
    a failed reading would turn the check green.
    """
    seen_ids = {one.known.finding_id for one in seen if one.known}
    mended: list[str] = []
    still_open: list[str] = []
    for one in known:
        if one.state != "open" or one.finding_id in seen_ids:
            continue
        gone = place_now(one, diff, texts) is None
        (mended if gone and _read_again(one.finding, coverage, diff) else still_open).append(one.finding_id)
    return mended, still_open


def place_now(known: TrackedFinding, diff: Diff, texts: Mapping[str, str]) -> Place | None:
    """Where the quoted code stands at this head; None when it is gone or was changed.

    The quote decides, not the line: it survives rebases, force-pushes and heads that no run ever saw.
    """
    place = known.finding.place
    if place.side == "old":
        return _place_on_old_side(known.finding, diff)
    for path in (place.path, *_new_names(place.path, diff)):
        lines = find_quote(known.finding.quote, texts.get(path, ""), place.start_line)
        if lines is not None:
            return place.model_copy(update={"path": path, "start_line": lines[0], "line": lines[1]})
    return None
