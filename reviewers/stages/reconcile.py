"""What is known already: which candidates are old acquaintances, and what became of those nobody mentioned."""

from collections.abc import Iterable, Mapping, Sequence

from app.domain.anchors import find, find_quote, squeeze
from app.domain.coverage import Coverage
from app.domain.diff import Diff
from app.domain.findings import Finding, Place, TrackedFinding
from app.domain.identity import assign, keys
from app.domain.line_map import Moves
from reviewers.registry import owner
from reviewers.stages.base import Candidate
from reviewers.stages.hold_back import read_hunks

# A known finding, and where its code stands at this head: None when it is gone or was changed.
Located = tuple[TrackedFinding, Place | None]


def place_now(known: TrackedFinding, diff: Diff, texts: Mapping[str, str], moves: Moves) -> Place | None:
    """Where the quoted code stands at this head; None when it is gone or was changed.

    The quote decides and the line only chooses between repeats: so it holds over rebases, force-pushes and heads that
    no run ever saw.
    """
    quote, place = known.finding.quote, known.finding.place
    near = moves.near(place) or place
    for path in dict.fromkeys((near.path, place.path, *new_names(place.path, diff))):
        if place.side == "old":
            file = diff.by_path.get(path)
            found = find(quote, file, line=near.start_line) if file else None
            if found is not None and found.place.side == "old":
                return found.place
            continue
        text = texts.get(path, "")
        lines = find_quote(quote, text, near.start_line)
        # A line that only begins or ends like the quoted one is a changed line: `limit = 10` is not `limit = 100`.
        if lines and squeeze("".join(text.split("\n")[lines[0] - 1 : lines[1]])) == squeeze(quote):
            return Place(path=path, start_line=lines[0], line=lines[1])
    return None


def match_known(findings: Sequence[Finding], known: Sequence[Located], moves: Moves) -> list[Candidate]:
    """Each finding with its keys and the known finding it is.

    Mended ones are not among the known: when a mended bug comes back, that is news and gets a thread of its own.
    """
    places = {one.finding_id: place for one, place in known}
    originals = {one.finding_id: one for one, _ in known}
    near = [_moved_to(one, place or moves.near(one.finding.place)) for one, place in known]
    matches = assign(near, findings, lambda one: places[one.finding_id])
    return [
        Candidate(finding=finding, keys=keys(finding), known=originals[match.finding_id] if match else None)
        for finding, match in zip(findings, matches, strict=True)
    ]


def split_unseen(
    known: Iterable[Located], seen: Iterable[Candidate], coverage: Coverage, diff: Diff
) -> tuple[list[TrackedFinding], list[Candidate]]:
    """The open findings that nobody saw this time: those that are mended, and those that stay open.

    Mended needs two things: the quoted code is gone, and its reviewer read what stands there now. Without the second
    a failed reading would turn the check green.
    """
    seen_ids = {one.known.finding_id for one in seen if one.known}
    mended: list[TrackedFinding] = []
    still_open: list[Candidate] = []
    for one, place in known:
        if one.state != "open" or one.finding_id in seen_ids:
            continue
        if place is None and _read_again(one.finding, coverage, diff):
            mended.append(one)
        else:
            still_open.append(Candidate(finding=_moved_to(one, place).finding, keys=one.keys, known=one))
    return mended, still_open


def new_names(path: str, diff: Diff) -> tuple[str, ...]:
    """What this change has made of a path: the names of files that were renamed or copied from it."""
    return tuple(file.path for file in diff.files if file.old_path == path != file.path)


def _moved_to(known: TrackedFinding, place: Place | None) -> TrackedFinding:
    if place is None:
        return known
    return known.model_copy(update={"finding": known.finding.model_copy(update={"place": place})})


def _read_again(finding: Finding, coverage: Coverage, diff: Diff) -> bool:
    """Whether the finding's reviewer read all that the change holds of its file; one that has left cannot be asked."""
    reviewer = owner(finding)
    if reviewer not in coverage.reviewers:
        return True
    for path in (finding.place.path, *new_names(finding.place.path, diff)):
        file = diff.by_path.get(path)
        if file is not None and file.skipped is not None and file.kind != "deleted":
            return False
        if not set(coverage.hunks.get(path, ())) <= read_hunks(coverage, reviewer, path):
            return False
    return True
