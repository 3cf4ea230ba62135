"""Where an agent stops hard: steps, tokens, dollars, time; and how that is said."""

from collections.abc import Sequence

from app.domain.agents import AgentBudget, Spending
from app.domain.conversation import Answered
from app.domain.review import ReviewerUsage
from app.llm.talk import TalkingModel

# How long may one answer be? Beyond this it is a file, which is better written in parts.
_MOST_OUTPUT_TOKENS = 16_000
# An answer that may not even be this long is not worth asking for.
_LEAST_OUTPUT_TOKENS = 500
# From how many steps before its last is the agent told to come to an end?
_WARN_AT = 5


def exceeded(budget: AgentBudget, spent: Spending) -> str:
    """The phrase that says which limit is reached; empty while there is something left."""
    if spent.steps >= budget.steps:
        return f"{budget.steps} steps are used"
    if spent.input_tokens + spent.output_tokens >= budget.tokens:
        return f"{budget.tokens:,} tokens are used"
    if spent.dollars >= budget.dollars:
        return f"${budget.dollars:.2f} is spent"
    return over(budget) if spent.seconds >= budget.seconds else ""


def over(budget: AgentBudget) -> str:
    """The phrase for the time that is used up."""
    seconds = budget.seconds
    return f"{seconds / 60:.0f} minutes are over" if seconds >= 120 else f"{seconds:.0f} seconds are over"


def output_tokens(budget: AgentBudget, spent: Spending, model: TalkingModel, input_tokens: int) -> int:
    """How long the next answer may be, so that it cannot cost more than what is left; 0 when it is not worth asking."""
    left = budget.tokens - spent.input_tokens - spent.output_tokens - input_tokens
    most = min(_MOST_OUTPUT_TOKENS, left)
    asking = model.price(input_tokens=input_tokens, output_tokens=0)
    whole = model.price(input_tokens=input_tokens, output_tokens=most) if most > 0 else None
    if asking is not None and whole is not None and whole > asking:
        affordable = (budget.dollars - spent.dollars - asking) / (whole - asking) * most
        most = min(most, int(affordable))
    return most if most >= _LEAST_OUTPUT_TOKENS else 0


def too_dear(budget: AgentBudget, spent: Spending, input_tokens: int) -> str:
    """The phrase for a step that is not worth beginning with what is left."""
    if budget.tokens - spent.input_tokens - spent.output_tokens - input_tokens < _LEAST_OUTPUT_TOKENS:
        return f"{budget.tokens:,} tokens are used but for less than another step needs"
    return f"${budget.dollars:.2f} is spent but for less than another step costs"


def warning(budget: AgentBudget, spent: Spending) -> str:
    """What the agent is told shortly before its last step; empty before and after."""
    if budget.steps - spent.steps != _WARN_AT:
        return ""
    return f"{_WARN_AT} steps are left. Bring your work to an end and call `finish`; what is not finished is lost."


def after(spent: Spending, answered: Answered, model: TalkingModel) -> Spending:
    """What is spent with this answer counted; `model` gave it."""
    dollars = model.price(
        input_tokens=answered.input_tokens,
        output_tokens=answered.output_tokens,
        cached_tokens=answered.cached_tokens,
    )
    return spent.model_copy(
        update={
            "steps": spent.steps + 1,
            "input_tokens": spent.input_tokens + answered.input_tokens,
            "output_tokens": spent.output_tokens + answered.output_tokens,
            "cached_tokens": spent.cached_tokens + answered.cached_tokens,
            "dollars": spent.dollars + (dollars or 0.0),
            "usages": _counted(
                spent.usages,
                ReviewerUsage(
                    model=model.label,
                    requests=1,
                    input_tokens=answered.input_tokens,
                    output_tokens=answered.output_tokens,
                    cached_tokens=answered.cached_tokens,
                    dollars=dollars,
                ),
            ),
        }
    )


def _counted(usages: Sequence[ReviewerUsage], new: ReviewerUsage) -> tuple[ReviewerUsage, ...]:
    by_model = {one.model: one for one in usages}
    before = by_model.get(new.model)
    return tuple({**by_model, new.model: before.plus(new) if before else new}.values())
