"""The door: a delivery is verified over its raw bytes, stored in one insert and acknowledged; nothing else."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from app.domain.errors import BadSignature
from app.forges.base import ForgeInbox, SignedBy
from app.store.deliveries import Deliveries
from app.store.old_secrets import OldSecrets
from app.web.body import BodyReader, TooLarge, TooSlow

log = structlog.get_logger()

# Verifying 25 MB takes tens of milliseconds, which others would wait for.
LARGE_BODY = 256_000
# Where the body was not read to its end, the connection is of no more use; uvicorn would keep it for its keep-alive.
UNREAD = {"connection": "close"}
# How long may the insert take? Forges wait ten seconds for an answer, the body's arrival among them.
STORE_WITHIN = timedelta(seconds=5)
# What a process will do when a delivery cannot be stored: the forge lists it as failed, and the sweeper reads it.
NOT_STORED = "The delivery could not be stored. It will be read from the forge's list of deliveries."


class HookDoor:
    """`POST /hooks/{connection}` for every forge."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        inboxes: Mapping[str, ForgeInbox],
        wake: Callable[[], object],
        received: Callable[[str, int, float], None],
        old_secrets: OldSecrets,
        reader: BodyReader | None = None,
        store_within: timedelta = STORE_WITHIN,
    ) -> None:
        self.deliveries = deliveries
        self.inboxes = inboxes
        # Tells a dispatcher of this process that there is work.
        self.wake = wake
        # Connection, status and seconds, for the metrics.
        self.received = received
        self.old_secrets = old_secrets
        self.reader = reader or BodyReader()
        self.store_within = store_within

    async def receive(self, request: Request) -> Response:
        began = time.monotonic()
        answer = await self._receive(request)
        connection = request.path_params["connection"]
        # Anybody can make up names of connections.
        self.received(connection if connection in self.inboxes else "", answer.status_code, time.monotonic() - began)
        return answer

    async def _receive(self, request: Request) -> Response:
        inbox = self.inboxes.get(request.path_params["connection"])
        if inbox is None:
            return PlainTextResponse("No such connection.", 404)
        try:
            body = await self.reader.read(request)
            headers = dict(request.headers.items())
            signed_by = await _verify(inbox, headers, body)
        except TooLarge:
            return PlainTextResponse("The body is over 26 MB.", 413, UNREAD)
        except TooSlow:
            return PlainTextResponse("The body took over 10 seconds.", 408, UNREAD)
        except BadSignature as error:
            return PlainTextResponse(str(error), 401)
        except ClientDisconnect:
            return PlainTextResponse("", 400)
        return await self._store(request.path_params["connection"], inbox, signed_by, headers, body)

    async def _store(
        self, connection: str, inbox: ForgeInbox, signed_by: SignedBy, headers: Mapping[str, str], body: bytes
    ) -> Response:
        try:
            async with asyncio.timeout(self.store_within.total_seconds()):
                if signed_by == "old":
                    await self.old_secrets.note(connection)
                new = await self.deliveries.receive(
                    connection=connection,
                    delivery_id=inbox.delivery_id(headers, body),
                    event=headers.get("x-github-event", headers.get("x-gitlab-event", "")),
                    headers=headers,
                    body=body,
                )
        except TimeoutError:
            # It may have been written all the same; then what the forge sends again is known by its id.
            log.warning("hook.not_stored_in_time", connection=connection)
            return PlainTextResponse(NOT_STORED, 503)
        except Exception:
            # Whatever kept the row from being written, the truth is that it was not, and the forge must know.
            log.exception("hook.not_stored", connection=connection)
            return PlainTextResponse(NOT_STORED, 503)
        if new:
            self.wake()
        return Response(status_code=202)


async def _verify(inbox: ForgeInbox, headers: Mapping[str, str], body: bytes) -> SignedBy:
    if len(body) > LARGE_BODY:
        return await asyncio.to_thread(inbox.verify, headers, body)
    return inbox.verify(headers, body)
