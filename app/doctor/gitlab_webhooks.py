"""Deliveries of a GitLab: is a webhook there that leads to us, is it switched on, and what came of its last one?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.doctor.base import Ground, Line
from app.doctor.gitlab import asking
from app.domain.errors import ForgeRefused
from app.domain.phrases import ago, count
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import HookShape
from app.forges.gitlab.webhooks import DOOR_CLOSED, Owner, Webhooks
from app.store.database import Database
from app.store.deliveries import Deliveries
from app.store.schema import check
from app.wiring import database_is_there
from workflows.timing import RECONCILE_EVERY

PART = "webhooks"
# Two requests each; whoever has more is told of these.
MOST_PROJECTS = 25
REACH = "see that public_url can be reached from the forge, and that `corrigent up` runs"


@dataclass
class _Seen:
    """The webhooks of the bot's projects, as far as it may see them."""

    ours: list[tuple[Owner, HookShape]] = field(default_factory=list[tuple[Owner, HookShape]])
    missing: list[Owner] = field(default_factory=list[Owner])
    # Maintainers see them, others do not.
    hidden: list[Owner] = field(default_factory=list[Owner])


async def check_webhooks(ground: Ground, *, key: str) -> Line:
    public_url = ground.settings.public_url
    if not public_url:
        minutes = RECONCILE_EVERY.total_seconds() / 60
        text = f"none: changes are found every {minutes:g} min, commands are not heard"
        return Line("wait", PART, f"{text}. `corrigent setup gitlab --key {key} --url …` adds one")
    async with asking(ground, key) as client:
        seen = await _look(client, f"{public_url}/hooks/{key}")
        for owner, hook in seen.ours:
            if (wrong := await _wrong(client, owner, hook, key)) is not None:
                return wrong
    last = await _last_taken(ground, key)
    if seen.ours and not (seen.missing and client.connection.hook_group):
        return Line("ok", PART, f"{count(len(seen.ours), 'webhook')}, {_told(last)}")
    if seen.missing and (last is None or client.connection.hook_group):
        text = f"no webhook of {_named(seen.missing)} leads to {public_url}/hooks/{key}"
        return Line("FAIL", PART, text, f"corrigent setup gitlab --key {key} --project {seen.missing[0].full_path}")
    if last is not None:
        return Line("ok", PART, f"{_told(last)}; shown to maintainers only")
    return Line("wait", PART, "no delivery yet; whether there is a webhook is shown to maintainers only")


async def _look(client: GitLabClient, url: str) -> _Seen:
    hooks, seen = Webhooks(client), _Seen()
    for owner in (await hooks.reached())[:MOST_PROJECTS]:
        try:
            hook = await hooks.find(owner, url)
        except ForgeRefused:
            seen.hidden.append(owner)
            continue
        if hook is None:
            seen.missing.append(owner)
        else:
            seen.ours.append((owner, hook))
    return seen


async def _wrong(client: GitLabClient, owner: Owner, hook: HookShape, key: str) -> Line | None:
    """What keeps this webhook from working; the newest delivery counts, older failures may have been mended."""
    if hook.alert_status == "disabled" or (hook.disabled_until and hook.disabled_until > datetime.now(UTC)):
        text = f"GitLab has switched off the webhook of {owner.full_path}, which failed too often"
        return Line("FAIL", PART, text, f"{REACH}, then test it there in Settings, Webhooks")
    if not (hook.merge_requests_events and hook.note_events):
        text = f"the webhook of {owner.full_path} does not hear merge requests and comments"
        return Line("FAIL", PART, text, _again(key, owner))
    last = await Webhooks(client).last_event(owner, hook)
    if last is None or last.response_status.startswith("2"):
        return None
    if last.response_status == DOOR_CLOSED:
        text = f"the last delivery of {owner.full_path} was answered 401: it has another secret than ours"
        return Line("FAIL", PART, text, f"{_again(key, owner)} writes ours")
    if last.response_status == "404":
        text = f"the last delivery of {owner.full_path} was answered 404"
        return Line("FAIL", PART, text, "see that public_url leads here, path included")
    return Line("FAIL", PART, f"the last delivery of {owner.full_path} did not arrive: {last.response_status}", REACH)


async def _last_taken(ground: Ground, key: str) -> datetime | None:
    """When we last took a delivery; None also before the first start."""
    if not database_is_there(ground.settings):
        return None
    db = await Database.open(ground.settings.database_url.get_secret_value())
    try:
        await check(db)
        return await Deliveries(db).latest(key)
    finally:
        await db.close()


def _told(last: datetime | None) -> str:
    if last is None:
        return "no delivery yet"
    return f"last delivery {ago(datetime.now(UTC) - last)}"


def _again(key: str, owner: Owner) -> str:
    return f"corrigent setup gitlab --key {key} --project {owner.full_path}"


def _named(owners: Sequence[Owner]) -> str:
    more = f" and {len(owners) - 1} more" if len(owners) > 1 else ""
    return f"{owners[0].full_path}{more}"
