"""A noisy reviewer made of real comments, run through the real gate, buckets and vote, and held against an oracle.

What experts confirmed as a defect is found by each pass with its own chance, what they rejected tempts it, and now and
then it says something that has nothing to do with the change. The oracle gets the same draws and groups them without
a mistake: how far the product stays behind it depends on the product, precision itself on the constants here.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.diff import Diff, FileChange
from app.domain.findings import Finding, Place
from app.domain.model import Frozen
from reviewers.evals import metrics
from reviewers.evals.metrics import Counts
from reviewers.evals.recorded import DEFECT, Comment, ExpertReview, as_finding
from reviewers.evals.theory import own_chance, poisson
from reviewers.stages.bucket import Bucket, Claim, bucket
from reviewers.stages.sift import objection
from reviewers.stages.vote import vote

# A golden comment, a rejected one, or an unrelated one: which of them it is.
Origin = tuple[str, int]
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class Noise(Frozen):
    """How the reviewer and the validator of the harness behave."""

    found: float = 0.373
    rho: float = 0.25
    temptations: int = 12
    tempted: float = 0.12
    rho_tempted: float = 0.10
    unrelated: float = 1.0
    # How much of a comment's words a pass leaves out, and by how many lines it is off.
    words_lost: float = 0.35
    lines_off: int = 2
    validator_keeps_true: float = 0.9
    validator_keeps_false: float = 0.4

    @property
    def without_validator(self) -> "Noise":
        return self.model_copy(update={"validator_keeps_true": 1.0, "validator_keeps_false": 1.0})


@dataclass(frozen=True)
class Drawn(Claim):
    """What one pass says, and what it was made from."""

    origin: Origin


@dataclass(frozen=True)
class Draw:
    """What all passes say about one pull request, and which origins the validator lets through."""

    diff: Diff
    claims: tuple[Drawn, ...]
    accepted: frozenset[Origin]
    golden: int


@dataclass(frozen=True)
class Outcome:
    """Product and oracle over the same draws, one row a pull request."""

    product: tuple[Counts, ...]
    oracle: tuple[Counts, ...]

    @property
    def recall_gap(self) -> float:
        return metrics.recall(self.oracle) - metrics.recall(self.product)

    @property
    def precision_gap(self) -> float:
        return metrics.precision(self.oracle) - metrics.precision(self.product)

    @property
    def duplicates(self) -> float:
        return metrics.repeated(self.product)


def draw(review: ExpertReview, strangers: Sequence[Comment], passes: int, noise: Noise, chance: random.Random) -> Draw:
    """What `passes` passes say about one pull request; `strangers` are comments on other ones."""
    golden = [comment for comment in review.confirmed if comment.category == DEFECT]
    rejected = chance.sample(review.rejected, min(noise.temptations, len(review.rejected)))
    sources = [
        *((("golden", at), one, own_chance(chance, noise.found, noise.rho)) for at, one in enumerate(golden)),
        *(
            (("rejected", at), one, own_chance(chance, noise.tempted, noise.rho_tempted))
            for at, one in enumerate(rejected)
        ),
    ]
    paths = sorted({comment.path for comment in (*review.confirmed, *review.rejected)})
    claims: list[Drawn] = []
    for number in range(passes):
        voter = f"pass {number + 1}"
        said = [(origin, comment, comment.place) for origin, comment, likely in sources if chance.random() < likely]
        for _ in range(poisson(chance, noise.unrelated)):
            line = chance.randint(1, 400)
            place = Place(path=chance.choice(paths), start_line=line, line=line)
            said.append((("unrelated", len(claims) + len(said)), chance.choice(strangers), place))
        claims += (
            Drawn(voter, in_other_words(comment.note, at, noise, chance), origin) for origin, comment, at in said
        )
    accepted = {origin for origin in sorted({one.origin for one in claims}) if chance.random() < _kept(origin, noise)}
    return Draw(_diff(paths), tuple(claims), frozenset(accepted), len(golden))


def run(
    reviews: Sequence[ExpertReview], *, passes: int, needed: int, noise: Noise, repetitions: int = 2, seed: int = 0
) -> Outcome:
    """Every pull request so many times, by the product and by the oracle."""
    chance = random.Random(seed)  # noqa: S311 - the same draws each time
    strangers = [comment for review in reviews for comment in review.rejected]
    product: list[Counts] = []
    oracle: list[Counts] = []
    for _ in range(repetitions):
        for review in reviews:
            drawn = draw(review, strangers, passes, noise, chance)
            product.append(_reviewed(drawn, bucket, passes, needed))
            oracle.append(_reviewed(drawn, _perfect, passes, needed))
    return Outcome(tuple(product), tuple(oracle))


def _reviewed(drawn: Draw, group: Callable[[Sequence[Claim]], list[Bucket]], passes: int, needed: int) -> Counts:
    """Gate, buckets, vote, validator; what is posted speaks for the comment that its words were made from."""
    claims = [one for one in drawn.claims if not objection(one.finding, drawn.diff)]
    origins = {_words(one.finding): one.origin for one in claims}
    kept, _ = vote(group(claims), passes=passes, needed=needed)
    posted = [origin for one in kept if (origin := origins[_words(one)]) in drawn.accepted]
    true = {origin for origin in posted if origin[0] == "golden"}
    return Counts(
        posted=len(posted),
        true=sum(origin in true for origin in posted),
        known=drawn.golden,
        found=len(true),
        repeated=len(posted) - len(set(posted)),
    )


def _perfect(claims: Sequence[Claim]) -> list[Bucket]:
    groups: dict[Origin, list[Claim]] = defaultdict(list)
    for one in claims:
        if isinstance(one, Drawn):
            groups[one.origin].append(one)
    return [Bucket(tuple(members)) for members in groups.values()]


def in_other_words(text: str, where: Place, noise: Noise, chance: random.Random) -> Finding:
    """A comment as another pass would put it: words left out, sentences in another order, lines a little off."""
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]
    chance.shuffle(sentences)
    kept = (" ".join(word for word in each.split() if chance.random() >= noise.words_lost) for each in sentences)
    title, *rest = [sentence for sentence in kept if sentence] or [text]
    off = chance.randint(-noise.lines_off, noise.lines_off)
    lines = {"start_line": max(1, where.start_line + off), "line": max(1, where.line + off)}
    return as_finding("\n".join(rest), where.model_copy(update=lines)).model_copy(
        update={"title": title, "quote": title}
    )


def _kept(origin: Origin, noise: Noise) -> float:
    return noise.validator_keeps_true if origin[0] == "golden" else noise.validator_keeps_false


def _words(finding: Finding) -> tuple[str, str, Place]:
    return finding.title, finding.body, finding.place


def _diff(paths: Sequence[str]) -> Diff:
    """The real diffs are not recorded: every file that anybody speaks of was changed."""
    files = tuple(FileChange(path=path, old_path=path, kind="modified") for path in paths)
    return Diff(merge_base_sha="a" * 40, head_sha="b" * 40, files=files)
