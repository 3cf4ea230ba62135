"""How a run's list of stages grows."""

from datetime import timedelta

import pytest

from app.domain.runs import Stage
from app.store.stages import close, enter
from tests.store.samples import NOW

# (stage, attempt, detail), one second apart.
Step = tuple[Stage, int, str]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("queued", 1, "")], [("queued", 1, "", None)]),
        ([("queued", 1, ""), ("checkout", 1, "")], [("queued", 1, "", 1.0), ("checkout", 1, "", None)]),
        # A repeated call changes the detail only.
        ([("model", 1, "1 of 3"), ("model", 1, "2 of 3")], [("model", 1, "2 of 3", None)]),
        # A restart begins anew in its place.
        ([("model", 1, "1 of 3"), ("model", 2, "")], [("model", 2, "", None)]),
        # A late word of the first attempt does not undo the second.
        ([("model", 2, ""), ("model", 1, "3 of 3")], [("model", 2, "3 of 3", None)]),
        # Waiting and going on is a stage of its own each time.
        (
            [("post", 1, ""), ("waiting", 1, "limit"), ("post", 1, "")],
            [("post", 1, "", 1.0), ("waiting", 1, "limit", 1.0), ("post", 1, "", None)],
        ),
    ],
)
def test_stages(steps: list[Step], expected: list[tuple[Stage, int, str, float | None]]) -> None:
    stages = ()
    for second, (stage, attempt, detail) in enumerate(steps):
        stages = enter(stages, stage, attempt=attempt, detail=detail, now=NOW + timedelta(seconds=second))
    assert [(stage.stage, stage.attempt, stage.detail, stage.seconds) for stage in stages] == expected


def test_a_restart_counts_from_its_own_beginning() -> None:
    stages = enter((), "model", attempt=1, detail="", now=NOW)
    stages = enter(stages, "model", attempt=2, detail="", now=NOW + timedelta(seconds=60))
    assert close(stages, now=NOW + timedelta(seconds=65))[0].seconds == 5.0


def test_closing_twice_changes_nothing() -> None:
    stages = close(enter((), "post", attempt=1, detail="", now=NOW), now=NOW + timedelta(seconds=2))
    assert close(stages, now=NOW + timedelta(seconds=9)) == stages
    assert close((), now=NOW) == ()
