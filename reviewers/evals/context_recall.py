"""Does a first prompt hold what experts' comments are about: the functions, classes and variables they name?"""

import re
from collections.abc import Iterator, Sequence

from app.llm.prices import estimate_tokens
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
    levels = sorted({comment.context for case in cases for comment in case.golden})
    return Section(
        key="context",
        title="What experts' comments are about, in the first prompt",
        text="Only the changes are recorded, not their repositories: a name that stands on no line of the change is "
        "missing here, whether it is declared elsewhere, a tool call away, or only proposed by the comment.",
        figures=(
            _share("names in the first prompt", cases, prompts),
            figure("tokens of a first prompt", sum(map(estimate_tokens, asked)) / max(1, len(asked))),
        ),
        bars=(
            Bars(
                title="names in the first prompt, by how far the comment looks",
                unit="",
                bars=tuple(_share(level, cases, prompts, level) for level in levels),
            ),
        ),
    )


def _share(name: str, cases: Sequence[ExpertDiff], prompts: Sequence[Sequence[str]], level: str = "") -> Figure:
    return measured(name, recall, [_counts(*each, level) for each in zip(cases, prompts, strict=True)])


def _counts(case: ExpertDiff, prompts: Sequence[str], level: str) -> Counts:
    """The names of the comments of this level, and those that are in a prompt with the comment's file."""
    pairs = list(_named(case, level))
    return Counts(known=len(pairs), found=sum(_shown(path, name, prompts) for path, name in pairs))


def _named(case: ExpertDiff, level: str) -> Iterator[tuple[str, str]]:
    for comment in case.golden:
        if level in {"", comment.context}:
            yield from ((comment.path, name) for name in sorted(names_of(comment.body)))


def _shown(path: str, name: str, prompts: Sequence[str]) -> bool:
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(path in prompt and word.search(prompt) for prompt in prompts)
