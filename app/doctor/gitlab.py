"""A connection to GitLab: does it take the token, whose is it, for how long, and in how many projects?"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from app.doctor.base import Ground, Line
from app.doctor.reach import SET_CLOCK, clock_ahead, skew_told
from app.domain.errors import ForgeRefused
from app.domain.phrases import count
from app.forges.answering import Unauthorized
from app.forges.gitlab.access_token import NEEDED_SCOPE, REPORTER, AccessToken, AccessTokens
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.webhooks import Webhooks
from app.one_process_limits import OneProcessLimits
from app.store.database import Database
from app.store.schema import check
from app.store.troubles import Troubles
from app.wiring import database_is_there, open_forges, with_newest_tokens

# Signed deliveries are believed for five minutes.
LARGEST_SKEW = timedelta(minutes=4)
# Somebody has to make a new token within this time: a process at work would have renewed it a week before.
SOON = timedelta(days=7)


@asynccontextmanager
async def asking(ground: Ground, key: str) -> AsyncGenerator[GitLabClient]:
    """The bot's own voice; UserError when the connection cannot work."""
    chosen = tuple(one for one in ground.settings.connections if one.key == key)
    settings = await with_newest_tokens(ground.settings.model_copy(update={"connections": chosen}))
    async with open_forges(settings, OneProcessLimits()) as forges:
        client = GitLabClient(forges.all[key].connection, OneProcessLimits())
        try:
            yield client
        finally:
            await client.close()


async def check_connection(ground: Ground, *, part: str, key: str) -> Line:
    """The first thing that is wrong, or what was found."""
    async with asking(ground, key) as client:
        connection = client.connection
        skew = await clock_ahead(connection)
        if connection.signing_tokens and abs(skew) > LARGEST_SKEW:
            return Line("FAIL", part, f"this clock is {skew_told(skew)} {connection.web_url}'s", SET_CLOCK)
        tokens = AccessTokens(client)
        try:
            token = await tokens.look()
            if not token.can_work:
                text = f"the token has {', '.join(token.scopes) or 'no scope'}, and reviews take {NEEDED_SCOPE}"
                return Line("FAIL", part, text, _new_token(key))
            owner = await tokens.owner()
        except Unauthorized as refused:
            return Line("FAIL", part, f"{connection.web_url} refuses the token: {refused.message}", _new_token(key))
        except ForgeRefused as refused:
            return Line("FAIL", part, f"{connection.api_url} lets the token do nothing: {refused}", _new_token(key))
        if owner.user_id != str(connection.user_id) or owner.login != connection.slug:
            text = (
                f"the token is that of {owner.login}, user {owner.user_id}; the settings say {connection.slug}, "
                f"user {connection.user_id}"
            )
            return Line("FAIL", part, text, f"corrigent setup gitlab --key {key} writes the right ones")
        if trouble := await _trouble(ground, key):
            return Line("FAIL", part, trouble)
        return await _found(part, key, token, client)


async def _trouble(ground: Ground, key: str) -> str:
    """What the process at work could not mend by itself."""
    if not database_is_there(ground.settings):
        return ""
    db = await Database.open(ground.settings.database_url.get_secret_value())
    try:
        await check(db)
        return await Troubles(db).of(key)
    finally:
        await db.close()


async def _found(part: str, key: str, token: AccessToken, client: GitLabClient) -> Line:
    hooks, bot = Webhooks(client), client.connection.slug
    working, reading = len(await hooks.reached()), len(await hooks.reached(least_role=REPORTER))
    if not reading:
        return Line("wait", part, f"bot {bot} is in no project: invite it with the role Developer")
    if working < reading:
        text = f"bot {bot} is less than Developer in {reading - working} of {count(reading, 'project')}"
        return Line("FAIL", part, text, "give it that role, or threads stay open and fixes are not pushed")
    left = _left(token)
    text = f"bot {bot}, {count(working, 'project')}, token {_told(left)}"
    if left is not None and left <= SOON:
        return Line("FAIL", part, f"{text} and was not renewed", _new_token(key))
    return Line("ok", part, text if left is None else f"{text}, renewed before")


def _left(token: AccessToken) -> timedelta | None:
    return None if token.ends_on is None else token.ends_on - datetime.now(UTC).date()


def _told(left: timedelta | None) -> str:
    if left is None:
        return "without an end"
    return f"ends in {count(left.days, 'day')}" if left else "ends today"


def _new_token(key: str) -> str:
    return f"make a new one, then: corrigent setup gitlab --key {key} --token-file FILE"
