"""What a sandbox did with its network: one record per connection, kept as JSON lines outside the sandbox."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from app.domain.model import Frozen

# `cut` was allowed first and stopped later: by a budget, a deadline, another TLS name, or the end of setup.
Verdict = Literal["allowed", "denied", "failed", "cut"]


class Connection(Frozen):
    """One connection that something in a sandbox asked for. Bytes as the sandbox sees them, times in seconds."""

    at: datetime
    # Empty when what it asked for was no plain name: such text is never kept.
    name: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    verdict: Verdict
    reason: str = ""
    sent_bytes: int = 0
    received_bytes: int = 0
    seconds: float = 0.0


def append_record(file: Path, record: Connection) -> None:
    with file.open("a", encoding="utf-8") as lines:
        lines.write(record.model_dump_json(exclude_defaults=True) + "\n")


def read_records(file: Path) -> Sequence[Connection]:
    """In the order in which the connections ended. A line that a crash cut short is left out."""
    if not file.exists():
        return ()
    text = file.read_text(encoding="utf-8")
    return [Connection.model_validate_json(line) for line in text.splitlines() if line.endswith("}")]
