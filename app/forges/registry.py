"""Which forges there are, what is configured for one registration at one host, and the parts built from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from app.domain.errors import UserError
from app.domain.model import Frozen
from app.forges.base import (
    ForgeInbox,
    ForgePusher,
    ForgeReader,
    ForgeRemarks,
    ForgeUpkeep,
    ForgeWriter,
    Limits,
    TokenShelf,
)

# Method, route template, HTTP status (0 when no answer came), seconds: for metrics.
Observe = Callable[[str, str, int, float], None]


class Connection(Frozen):
    """One registration at one host.

    On GitHub an App has a key; without one a personal token is used, or none at all. On GitLab there is a bot's token.
    """

    key: str
    kind: Literal["github", "gitlab"] = "github"
    # Where the REST API begins ("https://ghe.acme.com/api/v3"), and where people and git go.
    api_url: str = "https://api.github.com"
    web_url: str = "https://github.com"
    app_id: int | None = None
    private_key: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    # The current secret and, while it is being changed, the one before it. Without any, no delivery is believed.
    webhook_secrets: tuple[SecretStr, ...] = ()
    # GitLab signs with these when they are set, and then nothing unsigned is believed.
    signing_tokens: tuple[SecretStr, ...] = ()
    # The bot's user on GitLab: what it does itself is no news.
    user_id: int | None = None
    # What is written stands under a person's own name: drafts that are there may be theirs.
    in_person: bool = False
    # Where deliveries of this connection reach us; empty without a public address.
    hook_url: str = ""
    # A group whose projects are each given a webhook, those to come as well.
    hook_group: str = ""
    # The name in mentions: an App's slug ("acme-corrigent"), or the bot's user name.
    slug: str = ""
    ca_file: str = ""
    proxy: str = ""


@dataclass(frozen=True, kw_only=True)
class Forge:
    """A connection brought to life; `close` gives its sockets back."""

    connection: Connection
    inbox: ForgeInbox
    reader: ForgeReader
    remarks: ForgeRemarks
    writer: ForgeWriter
    close: Callable[[], Awaitable[None]]
    # Without one a fix is shown and never pushed.
    pusher: ForgePusher | None = None
    # Where something has to be looked after.
    upkeep: ForgeUpkeep | None = None


Factory = Callable[[Connection, Limits, Observe | None, TokenShelf | None], Forge]


def _github(connection: Connection, limits: Limits, observe: Observe | None, _: TokenShelf | None) -> Forge:
    # Imported when first used: githubkit is most of what a process would load at start.
    from app.forges.github.factory import build_github

    return build_github(connection, limits, observe)


def _gitlab(connection: Connection, limits: Limits, observe: Observe | None, shelf: TokenShelf | None) -> Forge:
    from app.forges.gitlab.factory import build_gitlab

    return build_gitlab(connection, limits, observe, shelf)


FACTORIES: dict[str, Factory] = {"github": _github, "gitlab": _gitlab}


def build(
    connection: Connection, limits: Limits, observe: Observe | None = None, shelf: TokenShelf | None = None
) -> Forge:
    """The parts of one connection; UserError when what is configured cannot work. Without a shelf no token changes."""
    factory = FACTORIES.get(connection.kind)
    if factory is None:
        raise UserError(f"Unknown forge {connection.kind!r}; use {', '.join(FACTORIES)}.")
    return factory(connection, limits, observe, shelf)
