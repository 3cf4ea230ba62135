"""The operator's settings: command line over CORRIGENT_* over settings.toml over defaults, checked once, at the start.

This is the only module of the product that reads the environment, and it takes every secret out of it.
"""

import os
from collections.abc import Iterator, Mapping, MutableMapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    Field,
    JsonValue,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from app.connection_settings import Connection, checked_url
from app.domain.errors import UserError
from app.domain.model import Frozen
from app.domain.names import OWN_CONNECTION
from app.domain.repo_config import RepoConfig
from app.sandboxes.egress_rules import PrivateRegistry
from app.settings_file import Given, read_file, require_known, secret_names, sentence, settable, with_files_read

PREFIX = "CORRIGENT_"
# What one command takes from the environment itself.
OF_COMMANDS = frozenset({"CORRIGENT_EVAL_DATA"})
DEFAULT_HOME = "~/.local/share/corrigent"
# What is typed for a setting on the command line; the others have their own name there.
OPTIONS = {"listen_port": "--port"}
# Names that other tools have taught people to set; ours win over them.
FOREIGN_NAMES = {
    "ANTHROPIC_API_KEY": "anthropic_api_key",
    "OPENAI_API_KEY": "openai_api_key",
    "GOOGLE_API_KEY": "google_api_key",
    "GEMINI_API_KEY": "google_api_key",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock_api_key",
    "AWS_REGION": "bedrock_region",
    "AWS_DEFAULT_REGION": "bedrock_region",
    "GITHUB_TOKEN": "github_token",
    "GH_TOKEN": "github_token",
    "GITLAB_TOKEN": "gitlab_token",
    # Set by the Temporal Worker Controller in the pods it starts.
    "TEMPORAL_WORKER_BUILD_ID": "worker_build_id",
}
# Secret because a password may stand in them.
ADDRESSES = ("database_url", "proxy", "model_proxy")

Where = Literal["everywhere", "nowhere"]


class Organisation(Frozen):
    """What the operator says about one owner's repositories; keys of `.corrigent.yaml` in both tables."""

    post: Where | None = None
    defaults: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    locked: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    # Which models may see its code, as patterns: "anthropic:*"; empty: all.
    models: tuple[str, ...] = ()

    @field_validator("defaults", "locked")
    @classmethod
    def _has_known_keys(cls, table: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return _checked_repo_config(table)


class Settings(Frozen):
    """Everything an operator can set. The README's table names each; times are in days, money in dollars."""

    home: Path
    connections: tuple[Connection, ...] = ()
    public_url: str = ""
    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=8377, ge=0, le=65_535)
    # Holds a password on most machines, hence a secret. Never empty once loaded.
    database_url: SecretStr = SecretStr("")
    blobs_url: str = ""
    # Of an S3 that is not Amazon's, or where the machine has no role of its own.
    blobs_endpoint: str = ""
    blobs_region: str = ""
    blobs_access_key_id: str = ""
    blobs_secret_access_key: SecretStr | None = Field(default=None, validate_default=True)

    # Empty: the embedded server.
    temporal_address: str = ""
    temporal_namespace: str = "default"
    temporal_api_key: SecretStr | None = None
    temporal_tls: bool = False
    temporal_port: int = Field(default=0, ge=0, le=65_535)
    temporal_ui_port: int | None = Field(default=None, ge=1, le=65_535)
    worker_build_id: str = "embedded"

    # Dollars a day, over all repositories; none: no limit beside theirs.
    daily_budget: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    # "provider:name"; empty: linters only.
    model: str = ""
    # Looks at findings a second time; empty: the same model, with another question.
    check_model: str = ""
    # Share the passes over a change among them; empty: `model` makes all.
    finder_models: tuple[str, ...] = ()
    # Asked in this order when a model cannot be used.
    fallback_models: tuple[str, ...] = ()
    model_base_url: str = ""
    model_key: SecretStr | None = None
    model_ca_file: Path | None = None
    model_proxy: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None
    openai_api_key: SecretStr | None = None
    google_api_key: SecretStr | None = None
    # Without one, the role of the machine.
    bedrock_api_key: SecretStr | None = None
    bedrock_region: str = ""
    # For `corrigent review URL`: what is done there is done by a person.
    github_token: SecretStr | None = None
    gitlab_token: SecretStr | None = None

    # Where fixes are made; empty: the first kind that holds against its probe.
    sandbox: str = ""
    # Where what is known of this machine's sandboxes lies; workers that are apart on one machine share it.
    sandboxes_folder: Path | None = None
    # host:port at which those who work in this machine's sandboxes from elsewhere may enter; empty: nobody may.
    gateway_listen: str = Field(default="", pattern=r"^$|:\d{1,5}$")
    # The same as they reach it, when that is another name.
    gateway_address: str = Field(default="", pattern=r"^$|^[^:].*:\d{1,5}$")
    # This machine's certificate, key and authority, for entering as for being entered.
    gateway_folder: Path | None = None
    docker_socket: Path = Path("/var/run/docker.sock")
    # With python3 and what the repositories' checks need; without one there is no Docker.
    docker_image: str = ""
    docker_runtime: str = ""
    # "name" or "name:port"; names may begin with `*.`. Nothing else is reached, and nothing at all once setup is over.
    setup_hosts: tuple[str, ...] = ()
    # Networks in which the addresses of such a name may lie although they are not of the open internet.
    internal_hosts: dict[str, tuple[str, ...]] = Field(default_factory=dict[str, tuple[str, ...]])
    registries: tuple[PrivateRegistry, ...] = ()
    # Certificates that a private registry may show, beside the system's.
    registries_ca_file: Path | None = None

    post: Where = "everywhere"
    defaults: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    locked: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    organisations: dict[str, Organisation] = Field(default_factory=dict[str, Organisation])

    # After how much evidence is a learned rule put in force, or out of it, without a person? 0: never.
    rules_activate_after: int = Field(default=0, ge=0)
    rules_disable_after: int = Field(default=3, ge=0)

    dashboard_token: SecretStr | None = None
    metrics_token: SecretStr | None = None
    sarif_token: SecretStr | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    otel_endpoint: str = ""
    # Where a process without a door tells its figures; the door has /metrics.
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    # Figures of Temporal's own SDK.
    temporal_metrics_port: int | None = Field(default=None, ge=1, le=65_535)

    keep_runs_days: int = Field(default=180, ge=1)
    keep_deliveries_days: int = Field(default=90, ge=1)
    keep_bodies_days: int = Field(default=3, ge=1)
    keep_failed_bodies_days: int = Field(default=7, ge=1)
    keep_uninstalled_days: int = Field(default=30, ge=1)
    time_scale: float = Field(default=1.0, gt=0, le=1)

    _origins: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    @field_validator("public_url", "model_base_url", "otel_endpoint", "blobs_endpoint")
    @classmethod
    def _is_url(cls, url: str) -> str:
        return checked_url(url, plain_http_only_at_home=False) if url else ""

    @field_validator("setup_hosts", "finder_models", "fallback_models", mode="before")
    @classmethod
    def _is_list(cls, items: JsonValue) -> JsonValue:
        """The environment has no lists; a comma parts them."""
        return [one.strip() for one in items.split(",")] if isinstance(items, str) else items

    @field_validator("blobs_secret_access_key")
    @classmethod
    def _has_its_id(cls, secret: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if bool(secret) != bool(others.data.get("blobs_access_key_id")):
            raise ValueError("it belongs to blobs_access_key_id; set both or neither")
        return secret

    @field_validator("defaults", "locked")
    @classmethod
    def _has_known_keys(cls, table: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return _checked_repo_config(table)

    @field_validator("connections")
    @classmethod
    def _keys_differ(cls, connections: tuple[Connection, ...]) -> tuple[Connection, ...]:
        keys = [connection.key for connection in connections]
        if OWN_CONNECTION in keys:
            raise ValueError(f"the key {OWN_CONNECTION!r} is our own; give the connection another")
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise ValueError(f"two connections have the key {twice[0]!r}; give each its own")
        return connections

    @model_validator(mode="after")
    def _fill_places(self) -> Self:
        # The model is frozen for everybody else; here it is not yet anybody's.
        if not self.database_url.get_secret_value():
            object.__setattr__(self, "database_url", SecretStr(f"sqlite:///{self.home / 'corrigent.db'}"))
        if not self.blobs_url:
            object.__setattr__(self, "blobs_url", f"file://{self.home / 'blobs'}")
        return self

    @property
    def settings_file(self) -> Path:
        return self.home / "settings.toml"

    @property
    def secrets_folder(self) -> Path:
        return self.home / "secrets"

    @property
    def master_key_file(self) -> Path:
        return self.secrets_folder / "master.key"

    @property
    def mirrors_folder(self) -> Path:
        return self.home / "mirrors"

    def key_of(self, provider: str) -> SecretStr | None:
        """What is set for this provider alone."""
        return {
            "anthropic": self.anthropic_api_key,
            "bedrock": self.bedrock_api_key,
            "google": self.google_api_key,
            "openai": self.openai_api_key,
        }.get(provider)

    def key_for(self, provider: str) -> SecretStr | None:
        """`model_key`, which is meant for whichever model is set, else the provider's own."""
        return self.model_key or self.key_of(provider)

    def secret_values(self) -> tuple[str, ...]:
        """Every secret this process holds, for those who must mask them; of an address only the password."""
        held = [secret for model in (self, *self.connections, *self.registries) for secret in _secrets_in(model)]
        return tuple(secret for secret in held if secret)

    def with_origins(self, origins: Mapping[str, str]) -> Self:
        self._origins.update(origins)
        return self

    def describe(self) -> list[tuple[str, str, str]]:
        """Name, value and origin of each setting, fit to be shown to anyone: secrets are only said to be set."""
        return [(name, self._shown(name), self._origins.get(name, "default")) for name in type(self).model_fields]

    def _shown(self, name: str) -> str:
        value = cast("object", getattr(self, name))
        if isinstance(value, SecretStr) and name in ADDRESSES:
            address = value.get_secret_value()
            return address.replace(urlsplit(address).password or "", "…") if urlsplit(address).password else address
        return _shown(value)


def load_settings(
    overrides: Mapping[str, JsonValue] | None = None, environ: MutableMapping[str, str] = os.environ
) -> Settings:
    """Read every layer once. Afterwards no secret is left in `environ`; a mistake is a UserError with the next step."""
    command_line = {name: Given(value, OPTIONS.get(name, f"--{name}")) for name, value in (overrides or {}).items()}
    environment = _take_environment(environ)
    home_given = command_line.get("home") or environment.get("home") or Given(DEFAULT_HOME, "default")
    home = Path(str(home_given.value)).expanduser().absolute()
    in_file = read_file(home / "settings.toml", Settings, {"connections": Connection, "registries": PrivateRegistry})
    merged = {**in_file, **environment, **command_line, "home": Given(str(home), home_given.origin)}
    try:
        settings = Settings.model_validate({name: given.value for name, given in merged.items()})
    except ValidationError as error:
        hidden = secret_names(Settings) | secret_names(Connection) | secret_names(PrivateRegistry)
        raise UserError(sentence(error.errors(include_url=False)[0], merged, hidden)) from None
    return settings.with_origins({name: given.origin for name, given in merged.items()})


def _take_environment(environ: MutableMapping[str, str]) -> dict[str, Given]:
    secret = secret_names(Settings)
    foreign: dict[str, Given] = {}
    for variable, name in FOREIGN_NAMES.items():
        if value := environ.get(variable):
            foreign.setdefault(name, Given(value, variable))
        if name in secret:
            environ.pop(variable, None)
    own: dict[str, Given] = {}
    # An empty variable is one that was left blank in a form or a compose file.
    given = {variable for variable in environ if variable.startswith(PREFIX) and environ[variable]}
    for variable in sorted(given - OF_COMMANDS):
        name = variable.removeprefix(PREFIX).lower()
        own[name] = Given(environ[variable], variable)
        if name in secret:
            del environ[variable]
    plain = settable(Settings) - {"connections", "defaults", "locked", "organisations", "registries", "internal_hosts"}
    require_known([PREFIX + name.upper() for name in own], {PREFIX + name.upper() for name in plain}, "The environment")
    return {**foreign, **with_files_read(own, Settings, Path.cwd())}


def _checked_repo_config(table: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The operator's tables fail at start; the same mistake in a repository's file only warns."""
    for key in table:
        if key not in RepoConfig.model_fields:
            near = get_close_matches(key, RepoConfig.model_fields, n=1)
            raise ValueError(f"there is no key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    try:
        RepoConfig.model_validate(table)
    except ValidationError as error:
        raise ValueError(sentence(error.errors(include_url=False)[0]).rstrip(".")) from None
    return table


def _secrets_in(model: BaseModel) -> Iterator[str]:
    for name in sorted(secret_names(type(model))):
        secret = cast("SecretStr | None", getattr(model, name))
        if secret:
            value = secret.get_secret_value()
            yield urlsplit(value).password or "" if name in ADDRESSES else value


def _shown(value: object) -> str:
    match value:
        case SecretStr():
            return "set"
        case Connection():
            who = "bot" if value.kind == "gitlab" else "App"
            return f"{value.key} ({value.kind} at {value.web_url}, {who} {value.slug})"
        case PrivateRegistry():
            return f"{value.name}{value.path}"
        case tuple():
            return ", ".join(_shown(item) for item in cast("tuple[object, ...]", value))
        case None:
            return ""
        case _:
            return str(value)
