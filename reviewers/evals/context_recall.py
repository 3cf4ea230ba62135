"""Does a first prompt hold what experts' comments are about: the functions, classes and variables they name?"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from app.domain.repo_config import RepoConfig
from app.llm.prices import estimate_tokens
from reviewers.context.search import whole_words
from reviewers.evals.cases import ExpertDiff
from reviewers.evals.figures import Bars, Figure, Section, figure, measured
from reviewers.evals.metrics import Counts, recall

_QUOTED = re.compile(r"`([^`\n]+)`")
_WORD = re.compile(r"[A-Za-z_]\w{3,}")
# Names that are told from English outside of backticks: a call, an underscore, a capital inside the word.
_TOLD = re.compile(r"\b(?:[A-Za-z_]\w{3,}(?=\()|[A-Za-z]\w*_\w+|[A-Za-z]*[a-z][A-Z]\w*)")


def names_of(comment: str) -> frozenset[str]:
    """The code that a comment names: words inside backticks, and those outside that can be nothing else."""
    quoted = (word for code in _QUOTED.findall(comment) for word in _WORD.findall(code))
    return frozenset((*quoted, *_TOLD.findall(_QUOTED.sub(" ", comment))))


def context_section(cases: Sequence[ExpertDiff], prompts: Sequence[Sequence[str]]) -> Section:
    """`prompts` are the first ones about each of the cases, in the same order."""
    asked = [prompt for each in prompts for prompt in each]
    named = [_named(*each) for each in zip(cases, prompts, strict=True)]
    levels = sorted({one.level for each in named for one in each})
    nowhere = sorted({one.name for each in named for one in each if one.reach == "nowhere"})
    return Section(
        key="context",
        title="What experts' comments are about, in the first prompt",
        text="Only the changes are recorded, not their repositories: what stands on no line of the change may be "
        "declared elsewhere, a tool call away, or be the comment's own proposal.",
        figures=(
            _share("names in the first prompt", named, "prompt"),
            _share("names one search of the changed files away", named, "search"),
            _share("names on no line of the change", named, "nowhere"),
            _share("of names that the change holds, in the first prompt", _held(named), "prompt"),
            figure("tokens of a first prompt", sum(map(estimate_tokens, asked)) / max(1, len(asked))),
        ),
        bars=(
            Bars(
                title="names in the first prompt, by how far the comment looks",
                unit="",
                bars=tuple(_share(level, _of_level(named, level), "prompt") for level in levels),
            ),
        ),
        said=(f"On no line of the change: {', '.join(nowhere)}",) if nowhere else (),
    )


class _Name(NamedTuple):
    """A name in a comment, and how far a reviewer has to go to see it."""

    name: str
    level: str
    reach: Literal["prompt", "search", "nowhere"]


def _named(case: ExpertDiff, prompts: Sequence[str]) -> list[_Name]:
    """The names of a pull request's comments; in a prompt they count only beside the comment's file."""
    lines = "\n".join(line.text for file in case.diff(RepoConfig()).files for hunk in file.hunks for line in hunk.lines)
    found: list[_Name] = []
    for comment in case.golden:
        shown = [prompt for prompt in prompts if comment.path in prompt]
        for name in sorted(names_of(comment.body)):
            word = re.compile(whole_words([name]))
            reach = "prompt" if any(map(word.search, shown)) else "search" if word.search(lines) else "nowhere"
            found.append(_Name(name, comment.context, reach))
    return found


def _held(named: Sequence[Sequence[_Name]]) -> list[list[_Name]]:
    return [[one for one in each if one.reach != "nowhere"] for each in named]


def _of_level(named: Sequence[Sequence[_Name]], level: str) -> list[list[_Name]]:
    return [[one for one in each if one.level == level] for each in named]


def _share(title: str, named: Sequence[Sequence[_Name]], reach: str) -> Figure:
    counts = [Counts(known=len(each), found=sum(one.reach == reach for one in each)) for each in named]
    return measured(title, recall, counts)
