"""The keys of `.corrigent.yaml`, taken from RepoConfig: what each one accepts, and how that is said."""

import json
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, JsonValue, ValidationError, create_model
from pydantic.fields import FieldInfo

from app.domain.findings import Severity
from app.domain.repo_config import RepoConfig

# What a choice is called.
_NOUNS = {
    "review": "a time to review",
    "comment_at": "a severity",
    "fail_on": "a severity",
    "effort": "an effort",
    "autofix": "a mode of autofix",
    "language": "a language of the texts",
}
# What the sentence proposes when that is not simply every choice.
_PROPOSED = {"fail_on": tuple(Severity)}


class Key:
    """One key with its dotted name."""

    def __init__(self, name: str, field: FieldInfo) -> None:
        self.name = name
        self._type = field.annotation
        self._bounds = tuple(field.metadata)
        self._one = create_model("One", value=(field.annotation or object, field))

    @property
    def is_choice(self) -> bool:
        """One word of a list: `off` is one, whatever YAML makes of it."""
        return bool(_choices(self._type))

    @property
    def is_text_list(self) -> bool:
        return get_origin(self._type) is tuple

    def fault(self, value: JsonValue) -> str | None:
        """None when the value can be taken, else the words after it: "is not a severity; use low, medium or high."."""
        if value is None or value == "":
            return f"has no value; use {self._wish}."
        try:
            self._one.model_validate_json(json.dumps({"value": value}), strict=True)
        except ValidationError:
            return f"is not {_NOUNS.get(self.name, 'valid')}; use {self._wish}."
        return None

    @property
    def _wish(self) -> str:
        if self.is_choice:
            return _or_list(_PROPOSED.get(self.name) or _choices(self._type))
        if self._type is bool:
            return "true or false"
        return "a list of texts" if self.is_text_list else self._number

    @property
    def _number(self) -> str:
        low = next((bound.ge for bound in self._bounds if isinstance(bound, Ge)), None)
        high = next((bound.le for bound in self._bounds if isinstance(bound, Le)), None)
        noun = "a whole number" if self._type is int else "a number"
        return f"{noun} from {low} to {high}" if high is not None else f"{noun}, {low} or more"


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[Key]:
    for name, field in model.model_fields.items():
        section = _section(field)
        if section is None:
            yield Key(f"{prefix}{name}", field)
        else:
            yield from _keys(section, f"{prefix}{name}.")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _choices(kind: object) -> tuple[str, ...]:
    if kind is Severity:
        return tuple(Severity)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _or_list(words: tuple[str, ...]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


KEYS = {key.name: key for key in _keys(RepoConfig)}
SECTIONS = frozenset(name for name, field in RepoConfig.model_fields.items() if _section(field))
