"""What each model did in a review, as it stands behind its name in the check, and what it cost."""

from collections.abc import Sequence

from app.domain.review import ReviewerUsage
from reviewers.bug_hunter.passes import Plan
from reviewers.bug_hunter.reading import Asking, Done


def used_by(finders: Sequence[Asking], plan: Plan, done: Sequence[Done], ending: str) -> list[ReviewerUsage]:
    """Each model once, the one that was meant first; `ending` is what became of the findings."""
    by_model: dict[str, ReviewerUsage] = {}
    for usage in (one for finder in finders for one in (finder.model.usages or (finder.model.usage,))):
        known = by_model.get(usage.model)
        by_model[usage.model] = known.plus(usage) if known else usage
    used = [one for one in by_model.values() if one.requests] or list(by_model.values())[:1]
    alone = len(used) == 1
    return [
        one.model_copy(update={"role": _role(one.model, plan, done, alone=alone) + (ending if at == 0 else "")})
        for at, one in enumerate(used)
    ]


def _role(model: str, plan: Plan, done: Sequence[Done], *, alone: bool) -> str:
    total = len(plan.passes)
    own = total if alone else len({one.by.number for one in done if one.model == model})
    kept = f", kept at {plan.votes} votes" if total > 1 else ""
    if not own:
        # It only checked, or all its answers were of no use.
        return "no pass"
    passes = f"{total} passes" if total > 1 else "1 pass"
    return f"{passes if alone else f'{own} of {passes}'}{kept}"
