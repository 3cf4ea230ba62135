"""Which model: a name as people type it, and the model it opens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from app.domain.errors import UserError
from app.domain.model import Frozen
from app.llm.chat import ChatModel

# Provider -> what its name is followed by, for messages.
PROVIDERS = {
    "anthropic": "anthropic:NAME",
    "openai": "openai:NAME",
    "google": "google:NAME",
    "bedrock": "bedrock:NAME",
    "ollama": "ollama:NAME",
    "openai-compatible": "openai-compatible:NAME@URL",
    "scripted": "scripted:/path/to/script.json",
}


class ModelSpec(Frozen):
    """A model by provider and name, with the address of its server where the name gave one."""

    provider: str
    name: str
    base_url: str = ""

    @classmethod
    def parse(cls, text: str) -> "ModelSpec":
        """Reads "anthropic:NAME" and its kin; UserError names what was wrong and what there is."""
        provider, colon, name = text.strip().partition(":")
        if provider not in PROVIDERS or not colon or not name:
            raise UserError(f"{text!r} is not a model; use one of {', '.join(PROVIDERS.values())}.")
        base_url = ""
        if provider == "openai-compatible" and "@http" in name:
            name, _, base_url = name.rpartition("@")
            check_url(base_url)
        return cls(provider=provider, name=name, base_url=base_url)

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, kw_only=True)
class ModelAccess:
    """How a model is reached. Everything comes from the settings, nothing from the environment."""

    api_key: str = field(default="", repr=False)
    # In place of the provider's own address, and of the one in the name.
    base_url: str = ""
    # A certificate authority beside the system's, for servers in one's own network.
    ca_file: str = ""
    proxy: str = ""
    # Where Bedrock answers; the others have one address for the world.
    region: str = ""
    # How long may one answer take? Reasoning models need minutes for a large change.
    deadline: timedelta = timedelta(minutes=5)
    connect_deadline: timedelta = timedelta(seconds=10)


def check_access(spec: ModelSpec, access: ModelAccess) -> str:
    """The address of its server, empty for the provider's own. UserError says which address or key is missing."""
    base_url = access.base_url or spec.base_url
    if base_url:
        check_url(base_url)
    if spec.provider == "openai-compatible" and not base_url:
        raise UserError(f"'{spec}' needs the address of its server: openai-compatible:NAME@URL.")
    if spec.provider in {"anthropic", "openai", "google"} and not access.api_key and not base_url:
        raise UserError(f"'{spec}' needs an API key. Set {spec.provider.upper()}_API_KEY.")
    return base_url


def open_model(spec: ModelSpec, access: ModelAccess | None = None) -> ChatModel:
    """The model, not yet connected.

    Imports the one provider library that is needed, which takes seconds of CPU the first time: call it in a thread.
    UserError says what is missing: a key, an address, an extra that is not installed.
    """
    access = access or ModelAccess()
    if spec.provider == "scripted":
        from app.llm.scripted import ScriptedModel

        return ScriptedModel(Path(spec.name))
    base_url = check_access(spec, access)
    return _provider(spec)(spec, access, base_url)


def check_url(url: str) -> None:
    """UserError unless this is a plain http(s) address without credentials in it."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise UserError(
            f"{parts.scheme}://{parts.hostname or ''} is not a model server's address; use https://HOST/v1."
        )


def _provider(spec: ModelSpec) -> Callable[[ModelSpec, ModelAccess, str], ChatModel]:
    try:
        from app.llm import providers

        return providers.opener(spec.provider)
    except ImportError as error:
        extra = "openai" if spec.provider in {"ollama", "openai-compatible"} else spec.provider
        raise UserError(
            f"'{spec}' needs the extra {extra!r}, which is not installed: pip install 'corrigent[{extra}]'."
        ) from error
