"""Deliveries that never reached us: GitHub keeps them for three days and never sends them again by itself."""

import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from app.domain.errors import ForgeUnavailable, Gone, RateLimited
from app.forges.base import RawDelivery
from app.forges.github import routes
from app.forges.github.auth import AppAuth
from app.forges.github.client import GitHubClient
from app.forges.github.models import Shape
from app.forges.github.paging import each_page


class _Listed(Shape):
    # The list's own number; `guid` is what the delivery carries, the same when it is sent again.
    id: int
    guid: str
    delivered_at: datetime
    event: str


class _Request(Shape):
    headers: dict[str, str] | None = None
    payload: dict[str, JsonValue] | None = None


class _Delivery(Shape):
    request: _Request


async def missed_deliveries(
    client: GitHubClient, auth: AppAuth, since: datetime, known: set[str]
) -> Sequence[RawDelivery]:
    """Unknown deliveries since then, oldest first. When GitHub stops us half-way: those read so far, never a gap."""
    found: list[RawDelivery] = []
    for listed in await _unknown(client, auth, since, known):
        try:
            answer = await client.send(auth.app_grant(), routes.DELIVERY, delivery=listed.id)
        except Gone:
            continue
        except (RateLimited, ForgeUnavailable):
            if not found:
                raise
            return found
        if delivery := _raw(listed, answer.read(_Delivery).request):
            found.append(delivery)
    return found


async def _unknown(client: GitHubClient, auth: AppAuth, since: datetime, known: set[str]) -> list[_Listed]:
    """The list is newest first; of one that was sent several times, the first is taken."""
    unknown: dict[str, _Listed] = {}
    async for page in each_page(lambda asked: client.send(auth.app_grant(), routes.DELIVERIES, params=asked)):
        entries = page.read_list(_Listed)
        recent = [entry for entry in entries if entry.delivered_at >= since]
        unknown |= {entry.guid.lower(): entry for entry in recent if entry.guid.lower() not in known}
        if len(recent) < len(entries):
            break
    return sorted(unknown.values(), key=lambda entry: (entry.delivered_at, entry.id))


def _raw(listed: _Listed, request: _Request) -> RawDelivery | None:
    """A delivery as its sender would have sent it; GitHub gives the body back as JSON, so its bytes are new."""
    if request.payload is None:
        return None
    headers = {name.lower(): value for name, value in (request.headers or {}).items()}
    headers |= {
        "content-type": "application/json",
        "x-github-event": listed.event,
        "x-github-delivery": listed.guid.lower(),
    }
    return RawDelivery(
        delivery_id=listed.guid.lower(),
        event=listed.event,
        headers=headers,
        body=json.dumps(request.payload, ensure_ascii=False).encode(),
        delivered_at=listed.delivered_at,
    )
