"""Is this the finding we know? Keys, then place and words; the answer decides whether people are told again."""

import hashlib
from collections.abc import Callable, Sequence

from app.domain.anchors import squeeze
from app.domain.findings import Finding, Place, TrackedFinding
from app.domain.similarity import Similarity

# Calibrated on judged pairs: location first, then words. Location alone merges different problems.
MAX_LINES_APART = 3
MIN_COSINE = 0.25


# Where a known finding is at the head under review; None when its code is gone, was changed, or cannot be compared.
PlaceNow = Callable[[TrackedFinding], Place | None]


def keys(finding: Finding) -> tuple[str, ...]:
    """What survives when lines move: the analyser's key and the anchor's key; the anchor's knows no path."""
    code = squeeze(finding.quote)
    if not code:
        return (_key("tool", finding.reviewer, finding.rule, finding.place.path, finding.title),)
    return (
        _key("tool", finding.reviewer, finding.rule, finding.place.path, code),
        _key("anchor", code, finding.symbol),
    )


def match(known: Sequence[TrackedFinding], new: Finding, place_now: PlaceNow) -> TrackedFinding | None:
    """The known finding that the new one is, or None."""
    return assign(known, [new], place_now)[0]


def assign(known: Sequence[TrackedFinding], new: Sequence[Finding], place_now: PlaceNow) -> list[TrackedFinding | None]:
    """For every new finding the known one that it is; no known finding is given twice, the surest pairs come first."""
    similarity = Similarity([text_of(tracked.finding) for tracked in known] + [text_of(finding) for finding in new])
    places = [place_now(tracked) for tracked in known]
    pairs = [
        (score, old_at, new_at)
        for old_at, tracked in enumerate(known)
        for new_at, finding in enumerate(new)
        if (score := _score(tracked, places[old_at], finding, similarity)) is not None
    ]
    result: list[TrackedFinding | None] = [None] * len(new)
    given: set[int] = set()
    for _, old_at, new_at in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if old_at not in given and result[new_at] is None:
            result[new_at] = known[old_at]
            given.add(old_at)
    return result


def text_of(finding: Finding) -> str:
    return f"{finding.title}\n{finding.body}"


def lines_apart(one: Place, other: Place) -> int | None:
    """Lines between two places, 0 when they touch or overlap; None in different files or on different sides."""
    if (one.path, one.side) != (other.path, other.side):
        return None
    return max(0, one.start_line - other.line, other.start_line - one.line)


def _score(tracked: TrackedFinding, now: Place | None, new: Finding, similarity: Similarity) -> float | None:
    """Over 1 for a common key, the cosine for near and alike, None for two different findings."""
    cosine = similarity.cosine(text_of(tracked.finding), text_of(new))
    # When the old code still stands somewhere else, equal code here is the same problem a second time.
    if (now is None or _within(now, new.place)) and not set(tracked.keys).isdisjoint(keys(new)):
        return 1 + cosine
    # Changed lines have no place of their own any more; about where they were is good enough together with the words.
    near = _within(now or tracked.finding.place, new.place)
    return cosine if near and cosine >= MIN_COSINE else None


def _within(one: Place, other: Place) -> bool:
    apart = lines_apart(one, other)
    return apart is not None and apart <= MAX_LINES_APART


def _key(*parts: str) -> str:
    return hashlib.sha1("\0".join(parts).encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
