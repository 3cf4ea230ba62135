"""What reviewing some pull requests would cost: the size of the very questions that would be asked, and their price."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.checkouts.git import GitError
from app.checkouts.mirrors import HeadGone, Mirrors
from app.checkouts.snapshot import make, materialise
from app.domain.errors import UserError
from app.domain.pull_request import PullRequest
from app.domain.rules import rules_for, rules_text
from app.domain.secrets import Redactor
from app.llm.prices import estimate_tokens
from reviewers.base import Change
from workflows.activities.configuration import Configurations
from workflows.activities.fetching import Fetching

# How long is an answer about one part, measured over reviews with a few findings?
ANSWER_TOKENS = 1_200


@dataclass(frozen=True)
class Size:
    """Questions to a model, and the tokens that go in and, about, come out."""

    questions: int
    input_tokens: int

    @property
    def output_tokens(self) -> int:
        return self.questions * ANSWER_TOKENS


class Sizing:
    """Fetches each change as a review would, and asks nobody."""

    def __init__(
        self, *, fetching: Fetching, mirrors: Mirrors, configurations: Configurations, secrets: Sequence[str]
    ) -> None:
        self.fetching = fetching
        self.mirrors = mirrors
        self.configurations = configurations
        self.secrets = secrets

    async def size(self, pull_request: PullRequest) -> Size | None:
        """None when the change cannot be had now."""
        try:
            return await self._size(pull_request)
        except (HeadGone, GitError, UserError):
            return None

    async def _size(self, pull_request: PullRequest) -> Size:
        fetched = await self.fetching.fetch(pull_request, refresh=False)
        in_force = await self.configurations.at(pull_request, fetched)
        config = in_force.config
        diff = await self.mirrors.diff(
            pull_request.repo, fetched.merge_base_sha, fetched.head_sha, limits=config.limits, ignore=config.ignore
        )
        if not diff.reviewable:
            return Size(0, 0)
        rules = rules_for(in_force.rules, [file.path for file in diff.reviewable])
        with tempfile.TemporaryDirectory(prefix="corrigent-size-") as folder:
            snapshot = await make(self.mirrors.git(pull_request.repo), fetched.head_tree_id, diff)
            await materialise(snapshot, Path(folder))
            change = Change(
                diff=diff,
                head_root=Path(folder) / "head",
                base_root=Path(folder) / "base",
                title=pull_request.title,
                body=pull_request.body,
                rules=rules_text(rules),
                rule_names=tuple(rule.name for rule in rules),
                effort=config.effort,
            )
            return await _asked(change, self.secrets)


async def _asked(change: Change, secrets: Sequence[str]) -> Size:
    from reviewers.bug_hunter.questions import questions

    asked = await questions(change, Redactor(secrets))
    return Size(len(asked), sum(estimate_tokens(one.instructions) + estimate_tokens(one.prompt) for one in asked))
