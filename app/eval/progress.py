"""How far work is that takes minutes: a bar for somebody who looks on, now and then a line where nobody does."""

import sys
from types import TracebackType

from app.domain.phrases import dollars

# How many are done between two lines, where there is no bar?
LINE_EACH = 10


class Bar:
    """While this is entered, what is told is shown; the bar leaves no trace behind."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._progress = None
        self._task = None
        # Imported when somebody looks on: a pipe needs none of it.
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()),
                TextColumn("{task.fields[spent]}"),
                console=Console(stderr=True, highlight=False, markup=False),
                transient=True,
            )

    def __enter__(self) -> "Bar":
        if self._progress is not None:
            self._progress.start()
            self._task = self._progress.add_task(self._what, total=None, spent="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def told(self, done: int, total: int, spent: float) -> None:
        if self._progress is not None and self._task is not None:
            money = dollars(spent) if spent else ""
            self._progress.update(self._task, completed=done, total=total, spent=money)
        elif done and done % LINE_EACH == 0 and done < total:
            sys.stderr.write(f"{self._what}: {done:,} of {total:,}{f', {dollars(spent)}' if spent else ''}\n")
            sys.stderr.flush()
