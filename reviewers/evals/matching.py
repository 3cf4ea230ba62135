"""Which findings tell of which known problems: by place and by words, never by place alone."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from app.domain.findings import Finding, Place
from app.domain.identity import MAX_LINES_APART, MIN_COSINE, lines_apart, text_of
from app.domain.model import Frozen
from app.domain.similarity import Similarity

# A quarter of all random changed lines are within one line of some known problem, and so is a quarter of what experts
# rejected: a place that fits says nothing by itself. Words that fit agree with a model judge in 92 of 100 decisions.

# Below this, words have nothing in common and no judge is asked.
_HOPELESS = 0.05


class Known(Frozen):
    """A problem that is known to be in a change."""

    text: str
    # Empty where only words were recorded: then words alone must do.
    places: tuple[Place, ...] = ()
    severity: str = ""


class Pair(NamedTuple):
    """A known problem and the finding that tells of it, by position, and how alike their words are."""

    known: int
    finding: int
    likeness: float


# Whether a finding tells of a known problem, for those who can say it better than words counted.
Judge = Callable[[Known, Finding], bool | None]


def match(
    known: Sequence[Known],
    findings: Sequence[Finding],
    *,
    judge: Judge | None = None,
    similarity: Similarity | None = None,
) -> list[Pair]:
    """Each known problem with at most one finding and the other way round, the most alike first.

    A judge decides where it has an opinion; two places that are far apart are never put before it. A `similarity`
    that knows more texts about the change weighs better: words that all use about it tell no two problems apart.
    """
    pairs: list[Pair] = []
    for pair in possible_pairs(known, findings, similarity):
        said = judge(known[pair.known], findings[pair.finding]) if judge else None
        if said if said is not None else pair.likeness >= MIN_COSINE:
            pairs.append(pair)
    return _one_to_one(pairs)


def possible_pairs(
    known: Sequence[Known], findings: Sequence[Finding], similarity: Similarity | None = None
) -> list[Pair]:
    """Pairs that are near each other and have any words in common: what a judge may be asked about."""
    similarity = similarity or Similarity([*(one.text for one in known), *map(text_of, findings)])
    return [
        Pair(known_at, finding_at, likeness)
        for known_at, one in enumerate(known)
        for finding_at, finding in enumerate(findings)
        if near(one, finding.place) and (likeness := similarity.cosine(one.text, text_of(finding))) >= _HOPELESS
    ]


def near(known: Known, place: Place) -> bool:
    """Within a few lines of one of its places; anywhere for a problem without a place."""
    apart = [lines_apart(one, place) for one in known.places]
    return not apart or any(lines is not None and lines <= MAX_LINES_APART for lines in apart)


def located(known: Sequence[Known], findings: Sequence[Finding]) -> int:
    """How many known problems have a finding near them, whatever it says: the most that any judge could find."""
    return sum(any(near(one, finding.place) for finding in findings) for one in known)


def _one_to_one(pairs: Sequence[Pair]) -> list[Pair]:
    known: set[int] = set()
    findings: set[int] = set()
    result: list[Pair] = []
    for pair in sorted(pairs, key=lambda one: (-one.likeness, one.known, one.finding)):
        if pair.known not in known and pair.finding not in findings:
            result.append(pair)
            known.add(pair.known)
            findings.add(pair.finding)
    return result
