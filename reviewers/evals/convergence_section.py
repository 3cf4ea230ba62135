"""Whether reviews converge: a clone's own history, pushed twenty commits at a time to one pull request."""

from collections.abc import Sequence

from reviewers.evals.convergence import NOTHING, Convergence, replay
from reviewers.evals.figures import Figure, Section, figure
from reviewers.evals.history import PastChange

PUSHES = 20


async def convergence_section(changes: Sequence[PastChange], *, pushes: int = PUSHES) -> Section:
    """`changes` come newest first, as a log has them; what does not fill a whole pull request is left out."""
    oldest_first = list(reversed(changes))
    starts = range(0, len(oldest_first) - pushes + 1, pushes)
    seen = NOTHING
    for start in starts:
        seen = seen.plus(await replay(oldest_first[start : start + pushes], seed=start))
    return Section(
        key="convergence",
        title="Convergence",
        text=f"{seen.pushes} commits of a history as pushes to {len(starts)} pull requests, {seen.posted} threads. "
        "The reviewer says the same in other words and not every time; people dismiss a third of it.",
        figures=(
            figure("threads on untouched hunks", seen.on_untouched, target=0),
            figure("dismissed findings that returned", seen.returned, target=0),
            figure("findings told twice", seen.repeated, target=0),
            figure("model calls for a rebase", seen.rebases_read, target=0),
            _replayed(seen),
        ),
    )


def _replayed(seen: Convergence) -> Figure:
    """Nothing pushed shows nothing."""
    return figure("pushes", seen.pushes, target=1, at_least=True)
