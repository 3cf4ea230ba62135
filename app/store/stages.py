"""How a run's list of stages grows: the running one is closed, the next opened, a repeated one restarted."""

from datetime import datetime

from app.domain.runs import Stage, StageTime

Stages = tuple[StageTime, ...]


def enter(stages: Stages, stage: Stage, *, attempt: int, detail: str, now: datetime) -> Stages:
    """The same stage again changes its detail; with a higher attempt it begins anew in its place."""
    opened = StageTime(stage=stage, started_at=now, attempt=attempt, detail=detail)
    if not stages or stages[-1].stage != stage or stages[-1].seconds is not None:
        return (*close(stages, now=now), opened)
    running = stages[-1]
    if attempt <= running.attempt:
        opened = running.model_copy(update={"detail": detail})
    return (*stages[:-1], opened)


def close(stages: Stages, *, now: datetime) -> Stages:
    """The last stage gets its seconds, unless it has them."""
    if not stages or stages[-1].seconds is not None:
        return stages
    seconds = max(0.0, (now - stages[-1].started_at).total_seconds())
    return (*stages[:-1], stages[-1].model_copy(update={"seconds": seconds}))
