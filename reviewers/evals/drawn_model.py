"""A model that answers with experts' comments, drawn anew for every question: a noisy reviewer that costs nothing.

Unlike the harness it is asked like any model: it has to quote code, its answer is parsed, anchored and checked.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence

from pydantic import JsonValue

from app.domain.diff import Diff
from app.domain.findings import Place
from app.domain.repo_config import RepoConfig
from app.llm.chat import Answer, Question
from app.llm.prices import estimate_tokens
from reviewers.evals.cases import ExpertDiff
from reviewers.evals.harness import Noise, in_other_words
from reviewers.evals.matching import Known
from reviewers.evals.theory import own_chance, poisson

_SOMETHING = "Consider whether this is what was meant, since it may surprise somebody later"


class DrawnModel:
    """Knows the pull requests by their titles; the same question is always answered in the same way."""

    label = "drawn"

    def __init__(self, cases: Iterable[ExpertDiff], noise: Noise | None = None, *, seed: int = 0) -> None:
        self._noise = noise or Noise()
        self._seed = seed
        self._cases = {case.title: (case, case.diff(RepoConfig())) for case in cases}

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del input_tokens, output_tokens, cached_tokens

    async def ask(self, question: Question) -> Answer:
        asked = estimate_tokens(question.instructions) + estimate_tokens(question.prompt)
        found = [one for title, one in self._cases.items() if title in question.prompt]
        said = list(self._said(*found[0], question.prompt)) if found else []
        text = json.dumps({"findings": said, "verdicts": []})
        return Answer(text=text, input_tokens=asked, output_tokens=estimate_tokens(text))

    async def close(self) -> None:
        """Nothing is open."""

    def _said(self, case: ExpertDiff, diff: Diff, prompt: str) -> Iterator[dict[str, JsonValue]]:
        """What this question gets, out of what concerns the files it shows."""
        chance = random.Random(f"{self._seed}\0{prompt}")  # noqa: S311 - a simulation, the same each time
        for known in (*self._drawn(case, "golden", chance), *self._drawn(case, "rejected", chance)):
            place = known.places[0]
            if place.path in prompt and (quote := _code(diff, place)):
                finding = in_other_words(known.text, place, self._noise, chance)
                yield _item(finding.title, finding.body, finding.place, quote)
        lines = [one for file in diff.reviewable if file.path in prompt for one in _numbered(diff, file.path)]
        for _ in range(poisson(chance, self._noise.unrelated) if lines else 0):
            place, text = chance.choice(lines)
            yield _item(_SOMETHING, _SOMETHING, place, text)

    def _drawn(self, case: ExpertDiff, kind: str, chance: random.Random) -> list[Known]:
        """Each comment has a chance of its own, the same for every question: what is easy is found again and again."""
        noise, golden = self._noise, kind == "golden"
        mean, rho = (noise.found, noise.rho) if golden else (noise.tempted, noise.rho_tempted)
        easy = random.Random(f"{self._seed}\0{case.case_id}\0{kind}")  # noqa: S311 - as above
        comments = case.golden if golden else case.rejected[: noise.temptations]
        return [one.known for one in comments if chance.random() < own_chance(easy, mean, rho)]


def _item(title: str, body: str, place: Place, quote: str) -> dict[str, JsonValue]:
    return {
        "path": place.path,
        "quote": quote,
        "line": place.start_line,
        "severity": "medium",
        "category": "correctness",
        "title": title,
        "body": body or title,
    }


def _code(diff: Diff, place: Place) -> str:
    """The first lines of the place that can be quoted."""
    texts = [text for where, text in _numbered(diff, place.path) if place.start_line <= where.line <= place.line]
    return "\n".join([text for text in texts if text.strip()][:3])


def _numbered(diff: Diff, path: str) -> Sequence[tuple[Place, str]]:
    file = diff.by_path.get(path)
    return [
        (Place(path=path, start_line=line.new, line=line.new), line.text)
        for hunk in (file.hunks if file else ())
        for line in hunk.lines
        if line.new is not None and line.text.strip()
    ]
