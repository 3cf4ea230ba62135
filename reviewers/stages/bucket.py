"""Puts what several passes said about one problem into one bucket: first by place, then by words."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from app.domain.findings import Finding
from app.domain.identity import MAX_LINES_APART, MIN_COSINE, lines_apart, text_of
from app.domain.similarity import Similarity

# Between these nobody can tell by counting words: 12 % of equal pairs are less alike than MIN_COSINE, and 28 % of
# different problems on the same lines are more. Here a model may be asked.
DOUBT = (0.15, 0.35)
# Who names two things in one breath mostly means two things: only what is almost the same in words is a repetition.
MIN_COSINE_OF_ONE_VOTER = 0.5


@dataclass(frozen=True)
class Claim:
    """A finding, and who says it: a pass of a model, an analyser. A voter counts once, whatever it repeats."""

    voter: str
    finding: Finding
    # Which model said it, where several read.
    model: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Bucket:
    """Everything that was said about one problem, in the order it was given."""

    claims: tuple[Claim, ...]

    @property
    def voters(self) -> frozenset[str]:
        return frozenset(one.voter for one in self.claims)


# Whether two findings mean the same problem; asked in doubt only.
SameProblem = Callable[[Finding, Finding], bool]


def bucket(claims: Sequence[Claim], same_problem: SameProblem | None = None) -> list[Bucket]:
    """Every claim in exactly one bucket; buckets in the order of their first claims.

    The two buckets that are most alike on average are joined first, again and again: one odd wording neither tears a
    problem apart nor chains two together, as comparing with the nearest or with the first one does.
    """
    groups = _Groups([one.voter for one in claims])
    for (first, second), cosine, near in _pairs(claims):
        likeness = cosine
        if near and same_problem and DOUBT[0] <= cosine < DOUBT[1]:
            likeness = float(same_problem(claims[first].finding, claims[second].finding))
        groups.compare(first, second, likeness, near=near)
    return [Bucket(tuple(claims[at] for at in members)) for members in groups.joined()]


def in_doubt(claims: Sequence[Claim]) -> list[tuple[Finding, Finding]]:
    """The pairs that `bucket` asks about, for a caller who has to ask a model before."""
    return [
        (claims[first].finding, claims[second].finding)
        for (first, second), cosine, near in _pairs(claims)
        if near and DOUBT[0] <= cosine < DOUBT[1]
    ]


def _pairs(claims: Sequence[Claim]) -> Iterator[tuple[tuple[int, int], float, bool]]:
    """How alike any two claims of one side of a file are, and whether they are near each other."""
    texts = [text_of(one.finding) for one in claims]
    similarity = Similarity(texts)
    files: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, one in enumerate(claims):
        files[one.finding.place.path, one.finding.place.side].append(at)
    for members in files.values():
        for first, second in combinations(members, 2):
            apart = lines_apart(claims[first].finding.place, claims[second].finding.place)
            near = apart is not None and apart <= MAX_LINES_APART
            yield (first, second), similarity.cosine(texts[first], texts[second]), near


class _Groups:
    """Claims by number, joined step by step; between two groups it knows the sum of all likenesses."""

    def __init__(self, voters: Sequence[str]) -> None:
        self._members: dict[int, tuple[int, ...]] = {at: (at,) for at in range(len(voters))}
        self._voters = {at: frozenset({voter}) for at, voter in enumerate(voters)}
        self._sums: dict[int, dict[int, float]] = defaultdict(dict)
        self._near: dict[int, set[int]] = defaultdict(set)
        self._queue: list[tuple[float, int, int]] = []

    def compare(self, first: int, second: int, likeness: float, *, near: bool) -> None:
        self._sums[first][second] = self._sums[second][first] = likeness
        if near:
            self._near[first].add(second)
            self._near[second].add(first)
            self._propose(first, second)

    def joined(self) -> list[tuple[int, ...]]:
        """The members of each group that is left when no two are alike enough."""
        while self._queue:
            _, first, second = heapq.heappop(self._queue)
            if first in self._members and second in self._members:
                self._join(first, second)
        return sorted(tuple(sorted(members)) for members in self._members.values())

    def _join(self, first: int, second: int) -> None:
        new = max(self._members) + 1
        self._members[new] = self._members.pop(first) + self._members.pop(second)
        self._voters[new] = self._voters.pop(first) | self._voters.pop(second)
        near = (self._near.pop(first) | self._near.pop(second)) & set(self._members)
        sums = self._sums.pop(first), self._sums.pop(second)
        for other in set(sums[0]) & set(self._members):
            self._sums[new][other] = self._sums[other][new] = sums[0][other] + sums[1][other]
        for other in sorted(near):
            self._near[new].add(other)
            self._near[other].add(new)
            self._propose(new, other)

    def _propose(self, first: int, second: int) -> None:
        pairs = len(self._members[first]) * len(self._members[second])
        likeness = self._sums[first][second] / pairs
        needed = MIN_COSINE_OF_ONE_VOTER if self._voters[first] & self._voters[second] else MIN_COSINE
        if likeness >= needed:
            heapq.heappush(self._queue, (-likeness, min(first, second), max(first, second)))
