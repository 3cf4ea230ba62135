"""Several layers of configuration become one: each key by itself, with the layer that decided it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import Field, JsonValue

from app.domain.model import Frozen
from app.domain.names import CONFIG_FILE
from app.domain.repo_config import ConfigInForce, ConfigProblem, RepoConfig
from app.domain.rules import Rule

BUILT_IN = "built-in"
# Values by dotted key, each one valid by itself.
Values = dict[str, JsonValue]


class Layer(NamedTuple):
    """A source of values. Names are what people read: "defaults", "organisation", ".corrigent.yaml", "locked"."""

    name: str
    values: Mapping[str, JsonValue]


class FileRead(Frozen):
    """What `.corrigent.yaml` gave: its valid values, and a sentence for each one that was not taken.

    `broken` is set when nothing in the file could be read; `values` are then those of the last valid one.
    """

    values: dict[str, JsonValue] = Field(default_factory=dict)
    lines: dict[str, int] = Field(default_factory=dict)
    problems: tuple[ConfigProblem, ...] = ()
    broken: bool = False


# Where the operator set one of these, for all or for an organisation, a repository may be tighter and never wider.
CAPPED_KEYS = (
    "budget.pull_request",
    "budget.review",
    "budget.day",
    "limits.files",
    "limits.changed_lines",
    "limits.file_bytes",
)
# What a reviewer reads or does. The other keys decide when a review begins, what becomes a thread, what a check
# concludes, and what is done about a finding: they change how a result is told, not which result there is.
FINGERPRINT_KEYS = ("ignore", "effort", "limits.files", "limits.changed_lines", "limits.file_bytes", "language")


def in_force(
    *,
    defaults: Mapping[str, JsonValue] | None = None,
    organisation: Mapping[str, JsonValue] | None = None,
    file: FileRead | None = None,
    command: Mapping[str, JsonValue] | None = None,
    locked: Mapping[str, JsonValue] | None = None,
    read_at_sha: str = "",
    changed_by_pull_request: str = "",
    rules: Sequence[Rule] = (),
    reviewed_with: str = "",
) -> ConfigInForce:
    """Built-in < operator's defaults < organisation < file < a writer's command; locked wins over all.

    Layers are nested or dotted mappings of valid values. `rules` and `reviewed_with`, the models, are what reviewers
    read and use beside the configuration: two results are interchangeable only when they are the same.
    """
    file = file or FileRead()
    operator = (Layer("defaults", defaults or {}), Layer("organisation", organisation or {}))
    repository = (Layer(CONFIG_FILE, file.values), Layer("command", command or {}))
    merge = _Merge()
    for layer in operator:
        merge.add(layer)
    caps = {key: merge.values[key] for key in CAPPED_KEYS if merge.origins[key] != BUILT_IN}
    for layer in repository:
        merge.add(layer, caps)
    merge.add(Layer("locked", locked or {}))
    config = RepoConfig.model_validate(nested(merge.values))
    over = [ConfigProblem(line=file.lines.get(key, 0), text=text) for key, text in merge.over_cap.items()]
    return ConfigInForce(
        config=config,
        origins=merge.origins,
        problems=(*file.problems, *over),
        read_at_sha=read_at_sha,
        changed_by_pull_request=changed_by_pull_request,
        rules=tuple(rules),
        fingerprint=fingerprint(config, _beside(rules, reviewed_with)),
    )


def _beside(rules: Sequence[Rule], reviewed_with: str) -> str:
    if not rules:
        return reviewed_with
    digest = hashlib.sha256("\0".join(rule.model_dump_json() for rule in rules).encode("utf-8", "surrogatepass"))
    return f"{reviewed_with} {digest.hexdigest()}"


def fingerprint(config: RepoConfig, rules_fingerprint: str = "") -> str:
    """The same for two configurations under which the reviewers would return the same."""
    values = flattened(config.model_dump(mode="json"))
    material = [rules_fingerprint, *([key, values[key]] for key in FINGERPRINT_KEYS)]
    return hashlib.sha256(json.dumps(material, separators=(",", ":")).encode()).hexdigest()


def flattened(values: Mapping[str, JsonValue], prefix: str = "") -> Values:
    """Dotted keys: {"budget": {"day": 20}} is {"budget.day": 20}."""
    flat: Values = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def nested(values: Mapping[str, JsonValue]) -> Values:
    """The way back; dotted keys are at most two deep."""
    deep: Values = {}
    for key, value in values.items():
        head, _, tail = key.partition(".")
        if not tail:
            deep[head] = value
            continue
        section = deep.setdefault(head, {})
        if isinstance(section, dict):
            section[tail] = value
    return deep


def config_schema() -> dict[str, JsonValue]:
    """The JSON Schema of `.corrigent.yaml`, for editors."""
    schema = RepoConfig.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": CONFIG_FILE}


class _Merge:
    """The values so far, and who set each."""

    def __init__(self) -> None:
        self.values = flattened(RepoConfig().model_dump(mode="json"))
        self.origins = dict.fromkeys(self.values, BUILT_IN)
        self.over_cap: dict[str, str] = {}

    def add(self, layer: Layer, caps: Mapping[str, JsonValue] | None = None) -> None:
        for key, value in flattened(layer.values).items():
            cap = (caps or {}).get(key)
            if isinstance(value, int | float) and isinstance(cap, int | float) and value > cap:
                self.over_cap[key] = f"`{key}: {value:g}` is over the operator's {cap:g}; {cap:g} is used."
                continue
            self.values[key] = value
            self.origins[key] = layer.name
