"""Deliveries of one connection: polled, or sent to us and taken."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field

from app.doctor.base import Ground, Line
from app.doctor.github import Asking, asking
from app.domain.phrases import ago
from app.forges.github import routes
from app.forges.github.models import Shape
from app.forges.github.routes import Route
from app.sweeper import POLL_EVERY

PART = "webhooks"
_HOOK = Route("GET", "/app/hook/config")


class _Hook(Shape):
    url: str = ""


class _Sent(Shape):
    delivered_at: datetime
    status: str = ""
    status_code: int = 0
    event: str = Field(default="")


async def check_webhooks(ground: Ground, *, key: str) -> Line:
    async with asking(ground, key) as forge:
        hook = (await forge.send(_HOOK)).read(_Hook)
        if not ground.settings.public_url:
            return _polling(hook, key)
        wanted = f"{ground.settings.public_url}/hooks/{key}"
        if hook.url != wanted:
            text = f"the App's deliveries go to {hook.url or 'nowhere'}, and {wanted} is us"
            return Line("FAIL", PART, text, "write our address as the webhook URL on the App's page")
        return _last(await _sent(forge), key)


def _polling(hook: _Hook, key: str) -> Line:
    if not hook.url:
        text = "the App has no webhook, and without one GitHub keeps no list of deliveries to poll"
        step = f"activate it on the App's page with the URL https://corrigent.invalid/hooks/{key}"
        return Line("FAIL", PART, text, step)
    return Line("wait", PART, f"none: polling every {POLL_EVERY.total_seconds():g} s")


async def _sent(forge: Asking) -> Sequence[_Sent]:
    return (await forge.send(routes.DELIVERIES, per_page=10)).read_list(_Sent)


def _last(sent: Sequence[_Sent], key: str) -> Line:
    """The newest one counts: older failures may have been mended."""
    if not sent:
        return Line("wait", PART, "no delivery yet")
    last = sent[0]
    if 200 <= last.status_code < 300:
        return Line("ok", PART, f"last delivery {ago(datetime.now(UTC) - last.delivered_at)}: {last.status_code}")
    if last.status_code == 401:
        text = "the last delivery was answered 401: it is signed with another secret than ours"
        return Line("FAIL", PART, text, f"make webhook_secret of {key!r} the one of the App's page")
    if last.status_code == 404:
        return Line("FAIL", PART, "the last delivery was answered 404", "see that public_url leads here, path included")
    text = f"the last delivery did not arrive: {last.status}"
    return Line("FAIL", PART, text, "see that public_url can be reached from the forge, and that `corrigent up` runs")
