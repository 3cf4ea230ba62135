"""What people said on lines of a pull request where we said nothing: candidates for rules, once it was merged."""

import re
from collections.abc import Sequence

from app.domain.findings import Place
from app.domain.model import Frozen
from app.domain.pull_request import Person
from app.domain.rules import learnable

# How near must a finding of ours be to have said the same? And of how many remarks is one pull request worth learning?
_NEAR = 3
MOST_REMARKS = 5
# A remark of fewer words is a nod, or only means something where it stands.
_LEAST_WORDS = 6
_CODE = re.compile(r"(```|~~~).*?(\1|\Z)", re.DOTALL)
_QUOTE = re.compile(r"^\s*>.*$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!])\s+(?=[A-Z])")


class Remark(Frozen):
    """A thread that a person opened on a line of the new side; `place` is where it stands at `commit_sha`."""

    comment_id: str
    author: Person
    body: str
    place: Place
    commit_sha: str


def missed(remarks: Sequence[Remark], ours: Sequence[Place], author: Person | None) -> list[Remark]:
    """Those of reviewers, away from our findings, that say something which may be a rule; the first few."""
    others = [one for one in remarks if author is None or one.author.user_id != author.user_id]
    chosen = [one for one in others if not one.author.is_bot and not _told(one.place, ours) and rule_in(one.body)]
    return chosen[:MOST_REMARKS]


def rule_in(body: str) -> str:
    """The first two sentences without code and quotes; empty for a question, a command, or a word in passing."""
    text = " ".join(_QUOTE.sub("", _CODE.sub("", body)).split())
    if text.startswith(("/", "@")) or text.rstrip().endswith("?") or len(text.split()) < _LEAST_WORDS:
        return ""
    return learnable(" ".join(_SENTENCE.split(text)[:2]))


def _told(place: Place, ours: Sequence[Place]) -> bool:
    return any(one.path == place.path and one.start_line - _NEAR <= place.line <= one.line + _NEAR for one in ours)
