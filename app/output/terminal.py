"""Where a review is shown: results on stdout, what is going on now on stderr, and only for somebody who looks on."""

import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from app.domain.findings import Severity
from app.output.text import Line

_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "dim"}


class Terminal:
    """Plain text unless stdout is a terminal; rich itself honours NO_COLOR and dumb terminals."""

    def __init__(self) -> None:
        self._status = None
        self._console = None
        self._going_on: dict[str, str] = {}
        # Imported when somebody looks on: a pipe needs none of it.
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.status import Status

            self._status = Status("", console=Console(stderr=True, highlight=False, markup=False))
        if sys.stdout.isatty():
            from rich.console import Console

            self._console = Console(highlight=False, markup=False)

    @contextmanager
    def at_work(self) -> Generator[None]:
        """While this is entered, `progress` is shown; it leaves no trace behind."""
        if self._status is None:
            yield
            return
        with self._status:
            yield

    def progress(self, line: str) -> None:
        """What a line "who: what" says stays until who says something else; any other line stands alone."""
        who, colon, _ = line.partition(": ")
        self._going_on = {**self._going_on, who: line} if colon else {}
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(" · ".join(self._going_on.values()) or line))

    def say(self, *lines: str) -> None:
        self.show(Line(line) for line in lines)

    def show(self, lines: Iterable[Line]) -> None:
        """Lines for a person, at once."""
        if self._status is not None:
            self._status.stop()
        for line in lines:
            self._show(line)
        sys.stdout.flush()
        if self._status is not None:
            self._status.start()

    def write(self, document: str) -> None:
        """A document for a machine: UTF-8 whatever the locale says."""
        sys.stdout.flush()
        sys.stdout.buffer.write(document.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()

    def complain(self, line: str) -> None:
        sys.stderr.write(_writable(line, sys.stderr.encoding) + "\n")

    def _show(self, line: Line) -> None:
        if self._console is None:
            sys.stdout.write(_writable(line.text, sys.stdout.encoding) + "\n")
            return
        from rich.text import Text

        text = Text(_writable(line.text, sys.stdout.encoding))
        if line.severity is not None:
            text.stylize(_STYLES[line.severity], line.at, line.at + len(line.severity))
        # Not wrapped by us: a copied path stays whole.
        self._console.print(text, soft_wrap=True)


def _writable(text: str, encoding: str | None) -> str:
    return text.encode(encoding or "utf-8", "replace").decode(encoding or "utf-8", "replace")
