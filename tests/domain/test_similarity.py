"""Likeness of words about code, held against pairs that judges called equal or different."""

from itertools import combinations
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.domain.identity import MIN_COSINE
from app.domain.similarity import Similarity, cosine, terms


class Comment(BaseModel):
    text: str
    matches: list[int]


class Said(BaseModel):
    candidates: list[Comment]


class Judged(BaseModel):
    """What each tool said about one pull request, and which known problems a judge saw in it."""

    tools: dict[str, Said]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("getUserIds", ["get", "user", "ids"]),
        ("user_id is missing", ["user", "id", "miss"]),
        ("HTTPServer handles 404", ["http", "serv", "handl", "404"]),
        ("the a of", []),
        ("cached caches caching cache", ["cach", "cach", "cach", "cach"]),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_equal_texts_are_one_and_strangers_nought() -> None:
    assert cosine("A retried webhook pays twice", "a retried webhook pays twice") == pytest.approx(1)
    assert cosine("A retried webhook pays twice", "Timeout in seconds") == 0
    assert cosine("", "anything") == 0


def test_judged_pairs_are_told_apart(shared_data: Path) -> None:
    same, distinct = judged_pairs(shared_data / "eval" / "martian-crb" / "verdicts.jsonl")
    assert len(same) > 1_500
    assert len(distinct) > 2_000
    assert share(same) >= 0.85
    assert share(distinct) <= 0.17


def judged_pairs(file: Path) -> tuple[list[float], list[float]]:
    """Cosines of two tools' comments on one pull request that a judge matched to the same, or to other, problems."""
    same: list[float] = []
    distinct: list[float] = []
    for line in file.read_text().splitlines():
        row = Judged.model_validate_json(line)
        comments = [
            (tool, each.text, set(each.matches))
            for tool, said in row.tools.items()
            for each in said.candidates
            if each.matches
        ]
        similarity = Similarity(text for _, text, _ in comments[:6])
        for (tool, text, problems), (other_tool, other, other_problems) in combinations(comments, 2):
            if tool != other_tool:
                (same if problems & other_problems else distinct).append(similarity.cosine(text, other))
    return same, distinct


def share(cosines: list[float]) -> float:
    return sum(value >= MIN_COSINE for value in cosines) / len(cosines)
