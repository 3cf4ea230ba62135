"""Changing the bot's token before it ends, so that nobody has to; one process at a time does it.

GitLab takes the old token away in the moment it gives the new one, and a rotated token that is rotated once more takes
the new one down with it. So the new token is stored before its first use, and when the outcome is not known nothing is
tried again: somebody has to look.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol

import structlog
from pydantic import JsonValue, SecretStr, ValidationError

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, UserError
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import RotatedShape, TokenShape
from app.forges.gitlab.routes import Route

log = structlog.get_logger(__name__)

# How long before its end is a token changed? Long enough for somebody to act when it does not work.
EARLY = timedelta(days=14)
# How long shall the new one live? GitLab allows a year; a stolen one is worth less the sooner it ends.
LIFE = timedelta(days=90)


class TokenShelf(Protocol):
    """Where the connection's token is kept; each method has happened when it returns, whatever dies then."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Held by one process at a time."""
        ...

    async def token(self) -> SecretStr:
        """The one to use now; another process may have changed it."""
        ...

    async def is_uncertain(self) -> bool:
        """Whether a change was begun whose end is not known."""
        ...

    async def begin(self) -> None: ...

    async def call_off(self) -> None:
        """The change that was begun did certainly not happen."""
        ...

    async def save(self, token: SecretStr, ends_on: date | None) -> None:
        """The new token takes the place of the old, and the change is over."""
        ...


@dataclass(frozen=True)
class TokenOwner:
    """Whose access token it is: only the owner's own address prolongs the bot's membership with it."""

    kind: Literal["project", "group", "user"]
    owner_id: str = ""

    @property
    def route(self) -> Route:
        match self.kind:
            case "project":
                return routes.ROTATE_OF_PROJECT
            case "group":
                return routes.ROTATE_OF_GROUP
            case "user":
                return routes.ROTATE_OF_USER


class Rotation:
    """The upkeep of one connection's token; to be run once a day."""

    def __init__(
        self,
        client: GitLabClient,
        owner: TokenOwner,
        shelf: TokenShelf,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._calls = Calls(client, routes.TOKEN_ROUTES)
        self._owner = owner
        self._shelf = shelf
        self._clock = clock

    async def rotate_if_due(self) -> date | None:
        """The day on which the token in use ends, None for never. UserError when somebody has to make a new one."""
        async with self._shelf.alone():
            if await self._shelf.is_uncertain():
                raise UserError(self._lost())
            self._client.use(await self._shelf.token())
            ends_on = (await self._calls.send(routes.TOKEN)).read(TokenShape).expires_at
            if ends_on is None or ends_on - self._today() > EARLY:
                return ends_on
            return await self._rotate(ends_on)

    async def _rotate(self, ends_on: date) -> date | None:
        await self._shelf.begin()
        try:
            rotated = await self._ask()
        except ForgeRefused as refusal:
            await self._shelf.call_off()
            raise UserError(
                f"GitLab does not change the token of {self._key!r} ({refusal.status}), and it ends on {ends_on}. "
                f"Give it the scope `self_rotate`, or make a new one and set it as `token` of this connection."
            ) from refusal
        except RateLimited:
            await self._shelf.call_off()
            raise
        except (ForgeUnavailable, ValidationError) as error:
            raise UserError(self._lost()) from error
        token = SecretStr(rotated.token)
        await self._shelf.save(token, rotated.expires_at)
        self._client.use(token)
        log.info("gitlab.token_rotated", connection=self._key, ends_on=str(rotated.expires_at))
        return rotated.expires_at

    async def _ask(self) -> RotatedShape:
        wish: dict[str, JsonValue] = {"expires_at": str(self._today() + LIFE)}
        parts = {"owner": self._owner.owner_id} if self._owner.owner_id else {}
        return (await self._calls.send(self._owner.route, params=None, json=wish, **parts)).read(RotatedShape)

    def _lost(self) -> str:
        return (
            f"GitLab was asked to change the token of {self._key!r} and its answer was lost, so the token may be gone. "
            f"Make a new one and set it as `token` of this connection."
        )

    def _today(self) -> date:
        return self._clock().date()

    @property
    def _key(self) -> str:
        return self._client.connection.key
