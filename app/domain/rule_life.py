"""The life of a learned rule: what speaks for it and against it, and when that puts it in force or out of it."""

import re
from collections.abc import Sequence
from typing import Literal

from app.domain.model import Frozen
from app.domain.rules import LearnedRule, RuleState
from app.domain.similarity import Similarity

# `supported`: somebody who may write said the same again. `acted_on`, `dismissed`: what became of a finding that named
# the rule, or of the comment that it was made from.
EvidenceKind = Literal["supported", "acted_on", "dismissed"]
# From which cosine on do two sentences say the same rule? They are short, and one word makes another rule of them.
ALIKE = 0.6
# Words of ours around a person's.
_OURS = re.compile(r"^No bug here:|The reason given:")


class Acceptance(Frozen):
    """How often each kind of evidence was given."""

    supported: int = 0
    acted_on: int = 0
    dismissed: int = 0


class Thresholds(Frozen):
    """The operator's; 0 means never."""

    activate_after: int = 0
    disable_after: int = 3


class NextState(Frozen):
    """A change that evidence brings about, and the clause that says why."""

    state: RuleState
    why: str


def next_state(state: RuleState, evidence: Acceptance, thresholds: Thresholds) -> NextState | None:
    """What the evidence since the last decision makes of a rule; None when it stays as it is.

    A rule that was dropped stays dropped: only a person takes that back.
    """
    said_for = evidence.supported + evidence.acted_on
    if state == "proposed" and 0 < thresholds.activate_after <= said_for > evidence.dismissed:
        return NextState(state="active", why=f"{said_for} times said or acted on")
    if state == "active" and 0 < thresholds.disable_after <= evidence.dismissed > evidence.acted_on:
        return NextState(state="disabled", why=f"{evidence.dismissed} of its findings were dismissed")
    return None


def same_rule(known: Sequence[LearnedRule], text: str) -> LearnedRule | None:
    """The rule that says the same, whatever became of it: what was dropped is not proposed again in other words."""
    gists = [_gist(rule.text) for rule in known]
    wanted = _gist(text)
    similarity = Similarity([*gists, wanted])
    likeness = [similarity.cosine(gist, wanted) for gist in gists]
    best = max(range(len(known)), key=lambda at: likeness[at], default=None)
    return known[best] if best is not None and likeness[best] >= ALIKE else None


def number_of(name: str) -> int | None:
    """`R7` is 7; None for a rule that lies in a file."""
    return int(name[1:]) if re.fullmatch(r"R\d{1,6}", name) else None


def _gist(text: str) -> str:
    return _OURS.sub(" ", text)
