"""The folder of one evaluation: a file for every reviewed change, so that a run that was stopped goes on."""

import hashlib
import os
from pathlib import Path

from pydantic import ValidationError

from app.domain.errors import UserError
from app.domain.model import Frozen
from reviewers.evals.reviewed import Reviewed

_MADE_BY = "run.json"


class MadeBy(Frozen):
    """What made the rows; rows of different makers do not stand in one folder."""

    version: str
    model: str
    effort: str
    judge: str


class Results:
    """Rows by the change they are about."""

    def __init__(self, folder: Path, made_by: MadeBy) -> None:
        self.folder = folder
        self.made_by = made_by

    def row(self, case_id: str) -> Reviewed | None:
        """What was said about a change; None when it is to be reviewed, for the first time or again."""
        file = self._file(case_id)
        if not file.is_file():
            return None
        row = _read(file)
        return None if row.model_failed else row

    def keep(self, row: Reviewed) -> None:
        _write(self._file(row.case_id), row.model_dump_json(indent=1) + "\n")

    def write(self, name: str, text: str) -> Path:
        """A report beside the rows."""
        file = self.folder / name
        _write(file, text)
        return file

    @property
    def kept(self) -> int:
        """How many changes have a row."""
        return len(list((self.folder / "rows").glob("*.json")))

    def _file(self, case_id: str) -> Path:
        digest = hashlib.sha256(case_id.encode()).hexdigest()[:12]
        plain = "".join(letter if letter.isalnum() else "-" for letter in case_id)[:80]
        return self.folder / "rows" / f"{plain}-{digest}.json"


def open_results(folder: Path, made_by: MadeBy) -> Results:
    """The folder, made when it is not there. UserError when it holds rows of another model or version."""
    try:
        (folder / "rows").mkdir(parents=True, exist_ok=True)
        return _opened(folder, made_by)
    except OSError as error:
        sentence = f"{folder} cannot be written: {error.strerror}; name another folder with --results."
        raise UserError(sentence) from error


def _opened(folder: Path, made_by: MadeBy) -> Results:
    file = folder / _MADE_BY
    if file.is_file():
        before = MadeBy.model_validate_json(file.read_bytes())
        if before != made_by:
            differs = [name for name, value in made_by.model_dump().items() if getattr(before, name) != value]
            was = ", ".join(f"{name} {getattr(before, name) or 'none'!r}" for name in differs)
            raise UserError(f"{folder} holds results with {was}; name another folder with --results.")
    else:
        _write(file, made_by.model_dump_json(indent=1) + "\n")
    return Results(folder, made_by)


def read_results(folder: Path) -> tuple[MadeBy, list[Reviewed]]:
    """Another run's rows. UserError when there are none."""
    file = folder / _MADE_BY
    if not file.is_file():
        raise UserError(f"There are no results in {folder}; it is the folder of an earlier `corrigent eval --results`.")
    rows = [_read(row) for row in sorted((folder / "rows").glob("*.json"))]
    return MadeBy.model_validate_json(file.read_bytes()), rows


def _read(file: Path) -> Reviewed:
    try:
        return Reviewed.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise UserError(f"{file} is no row of this version; name another folder with --results.") from error


def _write(file: Path, text: str) -> None:
    """Whole or not at all: a run may be killed at any time."""
    half = file.with_suffix(f".{os.getpid()}.part")
    half.write_text(text, encoding="utf-8")
    half.replace(file)
