"""settings.toml: who may read it, secrets in files of their own, and mistakes told in one sentence."""

import stat
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import cast, get_args

from pydantic import BaseModel, JsonValue, SecretStr
from pydantic_core import ErrorDetails

from app.domain.errors import UserError


@dataclass(frozen=True)
class Given:
    """A value as somebody gave it, and where."""

    value: JsonValue
    origin: str


def read_file(path: Path, model: type[BaseModel], tables: Mapping[str, type[BaseModel]]) -> dict[str, Given]:
    """The file's values, nothing when there is none; `tables` names the keys that hold [[lists of tables]]."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None
    if mode & 0o077:
        raise UserError(f"{path} has mode {mode:o}, and it may hold secrets. Run: chmod 600 '{path}'")
    try:
        content = cast("dict[str, JsonValue]", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from None
    require_known(content, settable(model), str(path))
    given = with_files_read({name: Given(value, str(path)) for name, value in content.items()}, model, path.parent)
    for name, inner in tables.items():
        if name in given:
            given[name] = Given(_read_tables(name, given[name].value, inner, path), str(path))
    return given


def _read_tables(name: str, tables: JsonValue, model: type[BaseModel], path: Path) -> JsonValue:
    if not isinstance(tables, list):
        raise UserError(f"{path}: {name} is not a list of tables; write each one as [[{name}]].")
    read: list[JsonValue] = []
    for number, table in enumerate(tables, 1):
        fields = table if isinstance(table, dict) else {}
        origin = f"{path}, [[{name}]] {number}"
        require_known(fields, settable(model), origin)
        given = {key: Given(value, origin) for key, value in fields.items()}
        read.append({key: one.value for key, one in with_files_read(given, model, path.parent).items()})
    return read


def secret_names(model: type[BaseModel]) -> set[str]:
    fields = model.model_fields.items()
    return {name for name, field in fields if SecretStr in (field.annotation, *get_args(field.annotation))}


def settable(model: type[BaseModel]) -> set[str]:
    """Every name that may be given: the fields, and `x_file` for each secret x."""
    return {*model.model_fields, *(f"{name}_file" for name in secret_names(model))}


def with_files_read(given: Mapping[str, Given], model: type[BaseModel], folder: Path) -> dict[str, Given]:
    """`x_file` becomes `x` for every secret x; a relative path counts from `folder`."""
    result = dict(given)
    for name in secret_names(model):
        pointer = result.pop(f"{name}_file", None)
        if pointer is None:
            continue
        if name in result:
            raise UserError(f"{pointer.origin}: {name} and {name}_file are both set; remove one.")
        path = folder / Path(str(pointer.value)).expanduser()
        result[name] = Given(_read_secret(path, pointer.origin), f"{pointer.origin}, {path}")
    return result


def _read_secret(path: Path, origin: str) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{origin}: the secret's file {str(path)!r} cannot be read: {error}.") from None
    if not text:
        raise UserError(f"{origin}: the secret's file {str(path)!r} is empty.")
    return text


def require_known(names: Iterable[str], known: Collection[str], origin: str) -> None:
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            wish = f"Did you mean {near[0]!r}?" if near else "The README's table names them all."
            raise UserError(f"{origin}: there is no setting {name!r}. {wish}")


def sentence(error: ErrorDetails, given: Mapping[str, Given] | None = None, hidden: Collection[str] = ()) -> str:
    """One mistake as the user reads it: where it stands, the thing, the value unless its name is hidden, the wish."""
    steps = [f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in error["loc"]]
    key = "".join(steps).lstrip(".")
    if error["type"] == "missing":
        told = f"{key} is missing"
    elif _may_be_shown(error["input"]) and key.rpartition(".")[2] not in hidden:
        told = f"{key} is {error['input']!r}: {_wish(error)}"
    else:
        told = f"{key}: {_wish(error)}"
    origin = (given or {}).get(str(error["loc"][0])) if error["loc"] else None
    return (f"{origin.origin}: {told}" if origin else told) + ("" if told.endswith("?") else ".")


def _may_be_shown(value: object) -> bool:
    """Not a whole table, and not an address with a password in it."""
    return isinstance(value, (str, int, float)) and "@" not in str(value)


def _wish(error: ErrorDetails) -> str:
    if error["type"] in ("too_short", "string_too_short"):
        return "it is empty"
    message = error["msg"].removeprefix("Value error, ")
    return message.split(", unable")[0].replace("Input should be", "it should be").rstrip(".")
