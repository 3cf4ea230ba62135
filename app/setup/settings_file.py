"""Adding a connection to settings.toml: what stands there stays as it is, and secrets go into files of their own."""

import json
import os
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path

from app.domain.errors import UserError

_TABLE = "[[connections]]"


class SettingsFile:
    """The operator's file in `home`, and the folder of secrets beside it; both for their owner only."""

    def __init__(self, home: Path) -> None:
        self.path = home / "settings.toml"
        self.secrets_folder = home / "secrets"

    def prepare(self) -> None:
        """Find out before anything is made elsewhere that a connection can be added here; UserError when not."""
        try:
            self.secrets_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.path.parent, self.secrets_folder):
                probe = folder / f".{secrets.token_hex(8)}"
                write_private(probe, "")
                probe.unlink()
            _require_room(self.path, self._text())
        except OSError as error:
            raise UserError(
                f"{self.path.parent} cannot be written ({error.strerror}); choose another folder with --home."
            ) from None

    def add_connection(
        self, table: Mapping[str, str | int], hidden: Mapping[str, str], *, public_url: str = ""
    ) -> None:
        """Secrets first: GitHub shows them once. `hidden` becomes `name_file` entries."""
        key = table["key"]
        entries = dict(table)
        for name, value in hidden.items():
            file = self.secrets_folder / f"{key}.{name}"
            write_private(file, value.rstrip("\n") + "\n")
            entries[f"{name}_file"] = f"{self.secrets_folder.name}/{file.name}"
        text = self._text(public_url)
        lines = [_TABLE, *(f"{name} = {_quoted(value)}" for name, value in entries.items())]
        write_private(self.path, text + ("\n" if text else "") + "\n".join(lines) + "\n")

    def set_public_url(self, public_url: str) -> None:
        write_private(self.path, self._text(public_url))

    def _text(self, public_url: str = "") -> str:
        """What stands there, and one key more: it has to come before the first table."""
        head = f"public_url = {_quoted(public_url)}\n" if public_url else ""
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return head
        return head + (text if text.endswith("\n") or not text else f"{text}\n")


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only. A link stays one: what it points to is written."""
    target = path.resolve()
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _require_room(path: Path, text: str) -> None:
    try:
        tomllib.loads(f"{text}\n{_TABLE}\n")
    except tomllib.TOMLDecodeError:
        raise UserError(
            f"{path}: connections stands there as a list in one line, and another one has to be added. "
            f"Write each one as a table that begins with {_TABLE}."
        ) from None


def _quoted(value: str | int) -> str:
    """A JSON string is a TOML string."""
    return str(value) if isinstance(value, int) else json.dumps(value)
