"""Lines as a person reads them: short ones two in a row, what is wrong on a row of its own."""

from collections.abc import Iterator, Sequence

from app.doctor.base import Line

STATE_WIDTH = 6
PART_WIDTH = 12
COLUMN = 70
# Two columns need this much of a terminal.
WIDE = 128


def laid_out(lines: Sequence[Line], width: int) -> Iterator[str]:
    """Rows of text; nothing is cut."""
    waiting = ""
    for line in lines:
        row = _row(line)
        if width < WIDE or line.next_step or len(row) >= COLUMN:
            if waiting:
                yield waiting.rstrip()
            waiting = ""
            yield row
        elif waiting:
            yield f"{waiting:<{COLUMN}}{row}"
            waiting = ""
        else:
            waiting = row
    if waiting:
        yield waiting


def _row(line: Line) -> str:
    row = f"{line.state:<{STATE_WIDTH}}{line.part:<{PART_WIDTH - 1}} {line.text}"
    return f"{row}  → {line.next_step}" if line.next_step else row
