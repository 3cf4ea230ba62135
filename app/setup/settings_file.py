"""Connections in settings.toml: what else stands there stays as it is, and secrets go into files of their own."""

import json
import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

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
            entries[f"{name}_file"] = file = self._default_file(str(key), name)
            self._write_secret(file, value)
        text = self._text(public_url)
        lines = [_TABLE, *(f"{name} = {_quoted(value)}" for name, value in entries.items())]
        write_private(self.path, text + ("\n" if text else "") + "\n".join(lines) + "\n")

    def change_connection(
        self, key: str, table: Mapping[str, str | int], hidden: Mapping[str, str], *, public_url: str = ""
    ) -> bool:
        """Whether anything differed. UserError names what has to be changed by hand: what people wrote stays theirs."""
        given = self._connections()[key]
        for name in hidden:
            if name in given:
                raise UserError(
                    f"{self.path}: {name} of connection {key!r} stands there itself; write the new one there."
                )
        files = {name: str(given.get(f"{name}_file", self._default_file(key, name))) for name in hidden}
        changed = sum(self._write_secret(files[name], value) for name, value in hidden.items())
        wanted = {**table, **{f"{name}_file": file for name, file in files.items()}}
        entries = {name: value for name, value in wanted.items() if given.get(name) != value}
        if entries or public_url:
            write_private(self.path, with_entries(self._text(public_url), key, entries, self.path))
        return bool(changed or entries or public_url)

    def _connections(self) -> dict[str, dict[str, object]]:
        tables = cast("list[dict[str, object]]", tomllib.loads(self._text()).get("connections", []))
        return {str(table["key"]): table for table in tables}

    def _default_file(self, key: str, name: str) -> str:
        return f"{self.secrets_folder.name}/{key}.{name}"

    def _write_secret(self, file: str, value: str) -> bool:
        """Whether it was another one."""
        path = self.path.parent / Path(file).expanduser()
        if path.exists() and path.read_text().strip() == value.strip():
            return False
        write_private(path, value.strip() + "\n")
        return True

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


def with_entries(text: str, key: str, entries: Mapping[str, str | int], path: Path) -> str:
    """The file with these entries of one connection; everything else, comments too, stays as it was."""
    tables = cast("list[dict[str, object]]", tomllib.loads(text)["connections"])
    lines = text.splitlines()
    headers = [number for number, line in enumerate(lines) if line.strip() == _TABLE]
    place = [table["key"] for table in tables].index(key)
    if len(headers) == len(tables):
        first = headers[place] + 1
        ends = (at for at, line in enumerate(lines[first:], first) if line.lstrip().startswith("["))
        last = next(ends, len(lines))
        lines[first:last] = _changed(lines[first:last], entries)
    changed = "\n".join(lines) + "\n"
    if not _holds(changed, tables, place, entries):
        wish = ", ".join(f"{name} = {_quoted(value)}" for name, value in entries.items())
        raise UserError(f"{path}: connection {key!r} is written in a way that only you can change; write there {wish}.")
    return changed


def _changed(lines: Sequence[str], entries: Mapping[str, str | int]) -> list[str]:
    rest = dict(entries)
    result: list[str] = []
    for line in lines:
        name = line.partition("=")[0].strip()
        result.append(f"{name} = {_quoted(rest.pop(name))}" if name in rest else line)
    end = len(result)
    while end and not result[end - 1].strip():
        end -= 1
    result[end:end] = [f"{name} = {_quoted(value)}" for name, value in rest.items()]
    return result


def _holds(text: str, before: Sequence[dict[str, object]], place: int, entries: Mapping[str, str | int]) -> bool:
    """Whether the text says what it said, with these entries."""
    wanted = [{**table, **(entries if number == place else {})} for number, table in enumerate(before)]
    try:
        return tomllib.loads(text).get("connections") == wanted
    except tomllib.TOMLDecodeError:
        return False


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
