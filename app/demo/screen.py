"""How the demo speaks: one line an event, with the seconds since its start."""

import sys
import time
from dataclasses import dataclass, field

from app.domain.findings import Severity


@dataclass
class Screen:
    """Writes to standard output; its clock starts when it is made."""

    began: float = field(default_factory=time.monotonic)

    def line(self, text: str = "") -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def event(self, subject: str, text: str) -> None:
        """`0:04  shop 1  …`"""
        self.line(f" {self.clock()}  {subject:<8}{text}")

    def detail(self, text: str) -> None:
        self.line(f"                {text}")

    def finding(self, severity: Severity, where: str, title: str) -> None:
        self.detail(f"{severity.title():<8}{where:<26}{title}")

    def thread(self, body: str, where: str) -> None:
        """A comment of ours by its heading: `**High · 1 · A retried webhook …**`."""
        severity, _, title = body.partition("\n")[0].strip("*").split(" · ", 2)
        self.finding(Severity(severity.lower()), where, title)

    def clock(self) -> str:
        seconds = int(time.monotonic() - self.began)
        return f"{seconds // 60}:{seconds % 60:02}"
