"""Every reviewer by name, and how it is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.findings import Finding
from app.llm.budget import AnswerStore, Budget
from app.llm.models import ChatModel
from reviewers.base import Reviewer

LINTERS = "linters"
BUG_HUNTER = "bug_hunter"

# Known without making them: who must be among the reviewers before anything is called clean.
MODEL_REVIEWERS = (BUG_HUNTER,)


def owner(finding: Finding) -> str:
    """The reviewer that answers for a finding; those of analysers carry the tool's name."""
    return finding.reviewer if finding.reviewer in MODEL_REVIEWERS else LINTERS


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What reviewers are made of; those that run no model take nothing."""

    model: ChatModel | None = None
    # Share the passes over a change; empty: the model makes all.
    finders: tuple[ChatModel, ...] = ()
    budget: Budget | None = None
    # Looks at findings a second time; None where the same model does.
    check_model: ChatModel | None = None
    answers: AnswerStore | None = None
    # What was said of the pull request's files before, by path.
    earlier: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    # Exact values that never leave this process, whatever they look like.
    secrets: tuple[str, ...] = ()


def _linters(_: Parts) -> Reviewer:
    from reviewers.linters.reviewer import Linters

    return Linters()


def _bug_hunter(parts: Parts) -> Reviewer:
    from reviewers.bug_hunter.reviewer import BugHunter

    if parts.model is None or parts.budget is None:
        raise ValueError("bug_hunter needs a model and a budget")
    return BugHunter(
        model=parts.model,
        finders=parts.finders,
        check_model=parts.check_model,
        budget=parts.budget,
        answers=parts.answers,
        earlier=parts.earlier,
        secrets=parts.secrets,
    )


# Imported when made: the linters need no model library, and the model reviewer is 100 MiB.
REVIEWERS: dict[str, Callable[[Parts], Reviewer]] = {LINTERS: _linters, BUG_HUNTER: _bug_hunter}
