"""Changing the bot's token before it ends, so that nobody has to; one process at a time does it.

GitLab takes the old token away in the moment it gives the new one, and a rotated token that is rotated once more takes
the new one down with it. So the new token is stored before its first use, and when the outcome is not known nothing is
tried again until GitLab itself shows that nothing happened: it still takes the old one.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import structlog
from pydantic import JsonValue, SecretStr, ValidationError

from app.domain.errors import ForgeRefused, ForgeUnavailable, RateLimited, UserError
from app.forges.answering import Unauthorized
from app.forges.base import TokenShelf
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import RotatedShape, TokenShape
from app.forges.gitlab.routes import Route

log = structlog.get_logger(__name__)

# How long before its end is a token changed? Long enough for somebody to act when it does not work.
EARLY = timedelta(days=14)
# How long shall the new one live? GitLab allows a year; a stolen one is worth less the sooner it ends. The second is
# for servers that allow less.
LIVES = (timedelta(days=90), timedelta(days=30))
# After how long is a change that was begun certainly over? GitLab gives up on a request after a minute.
SURELY_OVER = timedelta(minutes=10)
_BOT_OF = re.compile(r"(project|group)_(\d+)_bot(?:_|\d*$)")


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


def owner_of(user_name: str) -> TokenOwner:
    """As GitLab names the users it makes for tokens of projects and groups."""
    match _BOT_OF.match(user_name):
        case None:
            return TokenOwner("user")
        case found:
            return TokenOwner("project" if found[1] == "project" else "group", found[2])


class Rotation:
    """The upkeep of one connection's token; to be run at least once a day."""

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

    async def rotate_if_due(self) -> str:
        """What was done, in a phrase; empty when nothing was due. UserError when somebody has to make a new one."""
        begun_at = await self._shelf.begun_at()
        if begun_at is not None and self._clock() - begun_at < SURELY_OVER:
            raise ForgeUnavailable(f"a change of the token of {self._key!r} is under way")
        ends_on = await self._look(was_begun=begun_at is not None)
        if begun_at is not None:
            await self._shelf.call_off()
            log.info("gitlab.token_not_rotated", connection=self._key)
        if ends_on is None or ends_on - self._today() > EARLY or not await self._shelf.begin():
            return ""
        return await _to_the_end(self._change(ends_on))

    async def _look(self, *, was_begun: bool) -> date | None:
        """When the token in use ends; where GitLab does not take it, that of the settings may still be good."""
        await self._client.refresh()
        try:
            return await self._end()
        except Unauthorized as refused:
            if was_begun:
                raise UserError(self._lost()) from refused
            if self._client.token == self._shelf.seed.get_secret_value():
                raise UserError(self._dead()) from refused
            self._client.use(self._shelf.seed)
        try:
            ends_on = await self._end()
        except Unauthorized as refused:
            raise UserError(self._dead()) from refused
        await self._shelf.forget()
        return ends_on

    async def _end(self) -> date | None:
        return (await self._calls.send(routes.TOKEN)).read(TokenShape).expires_at

    async def _change(self, ends_on: date) -> str:
        try:
            rotated = await self._ask()
        except ForgeRefused as refusal:
            await self._shelf.call_off()
            raise UserError(
                f"GitLab does not renew the token of {self._key!r} ({refusal.status}: {refusal.message[:200]}), and it "
                f"ends on {ends_on}. Give it the scope api, or {self._new_one()}"
            ) from refusal
        except RateLimited:
            await self._shelf.call_off()
            raise
        except (ForgeUnavailable, ValidationError) as error:
            raise UserError(self._lost()) from error
        token = SecretStr(rotated.token)
        # Nothing may come between the answer and this: nobody else knows the token.
        await self._shelf.save(token)
        self._client.use(token)
        log.info("gitlab.token_rotated", connection=self._key, ends_on=str(rotated.expires_at))
        return f"token of {self._key} renewed until {rotated.expires_at}"

    async def _ask(self) -> RotatedShape:
        """A life that is longer than the server allows is refused with 400, and nothing has happened then."""
        for life in LIVES[:-1]:
            try:
                return await self._send(life)
            except ForgeRefused as refusal:
                if refusal.status != 400:
                    raise
        return await self._send(LIVES[-1])

    async def _send(self, life: timedelta) -> RotatedShape:
        wish: dict[str, JsonValue] = {"expires_at": str(self._today() + life)}
        parts = {"owner": self._owner.owner_id} if self._owner.owner_id else {}
        return (await self._calls.send(self._owner.route, params=None, json=wish, **parts)).read(RotatedShape)

    def _lost(self) -> str:
        return (
            f"GitLab was asked to renew the token of {self._key!r} and its answer was lost, so the token may be gone. "
            f"To be sure, {self._new_one()}"
        )

    def _dead(self) -> str:
        return f"GitLab does not take the token of {self._key!r}: it ended or was revoked. To go on, {self._new_one()}"

    def _new_one(self) -> str:
        return f"make a new one, then: corrigent setup gitlab --key {self._key} --token-file FILE"

    def _today(self) -> date:
        return self._clock().date()

    @property
    def _key(self) -> str:
        return self._client.connection.key


async def _to_the_end(change: Coroutine[None, None, str]) -> str:
    """A process that is told to stop in the middle of this would lose the only copy of the token."""
    changing = asyncio.create_task(change)
    try:
        return await asyncio.shield(changing)
    except asyncio.CancelledError:
        await asyncio.wait([changing])
        raise
