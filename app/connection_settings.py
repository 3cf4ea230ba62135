"""What an operator says of one forge: where it is, and as whom we are there."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.domain.model import Frozen

# What a connection cannot be without.
_NEEDED = {
    "github": ("app_id", "private_key", "webhook_secret"),
    # A signing token may take the secret's place.
    "gitlab": ("token", "user_id", "webhook_secret"),
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Connection(Frozen):
    """One registration at one host: an App on GitHub, or a bot's access token on GitLab."""

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")
    kind: Literal["github", "gitlab"]
    web_url: str = "https://github.com"
    # Empty: the one that belongs to `web_url`.
    api_url: str = ""
    # The App's name, or the bot's user name.
    slug: str = Field(min_length=1)
    app_id: int | None = Field(default=None, gt=0, validate_default=True)
    private_key: SecretStr = Field(default=SecretStr(""), validate_default=True)
    token: SecretStr = Field(default=SecretStr(""), validate_default=True)
    # The bot's number on GitLab: what it does itself is no news.
    user_id: int | None = Field(default=None, gt=0, validate_default=True)
    # The group whose projects each get a webhook on GitLab, those to come as well.
    group: str = ""
    # With one of these nothing is believed that GitLab did not sign.
    signing_token: SecretStr | None = Field(default=None, min_length=1)
    old_signing_token: SecretStr | None = None
    webhook_secret: SecretStr | None = Field(default=None, min_length=1, validate_default=True)
    # Accepted as well while a new secret is brought in.
    old_webhook_secret: SecretStr | None = None
    ca_file: Path | None = None
    proxy: SecretStr | None = None

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        both = (self.webhook_secret, self.old_webhook_secret)
        return tuple(secret.get_secret_value() for secret in both if secret)

    @property
    def signing_tokens(self) -> tuple[str, ...]:
        both = (self.signing_token, self.old_signing_token)
        return tuple(token.get_secret_value() for token in both if token)

    @field_validator("app_id", "private_key", "token", "user_id", "webhook_secret", mode="before")
    @classmethod
    def _is_there_when_needed(cls, value: JsonValue | SecretStr, others: ValidationInfo) -> JsonValue | SecretStr:
        """Each kind of forge needs its own; only a default is a SecretStr here."""
        if value == "":
            raise PydanticCustomError("string_too_short", "it is empty")
        signed = others.field_name == "webhook_secret" and others.data.get("signing_token") is not None
        needed = _NEEDED.get(str(others.data.get("kind")), ())
        if not value and value != 0 and others.field_name in needed and not signed:
            raise PydanticCustomError("missing", "it is missing")
        return value

    @field_validator("web_url", "api_url")
    @classmethod
    def _is_safe_url(cls, url: str) -> str:
        return checked_url(url, plain_http_only_at_home=True) if url else ""

    @model_validator(mode="before")
    @classmethod
    def _derive_api_url(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if given.get("kind") == "gitlab":
            web_url = str(given.get("web_url") or "https://gitlab.com").rstrip("/")
            derived = f"{web_url}/api/v4"
        else:
            web_url = str(given.get("web_url") or "https://github.com").rstrip("/")
            derived = "https://api.github.com" if web_url == "https://github.com" else f"{web_url}/api/v3"
        return {**given, "web_url": given.get("web_url") or web_url, "api_url": given.get("api_url") or derived}


def checked_url(url: str, *, plain_http_only_at_home: bool) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("use an address that begins with https://")
    if not url.isascii():
        # A letter that only looks like another leads to another host.
        raise ValueError("write a host with other letters than a to z as xn--…")
    if parts.username or parts.password:
        raise ValueError("leave user names and passwords out of addresses")
    if plain_http_only_at_home and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("use https; plain http is for this machine only")
    return url.rstrip("/")
