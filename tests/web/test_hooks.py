"""The door over a real socket: what it lets in, what it refuses, and what becomes of what makes no sense."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import JsonValue
from sqlalchemy import select

from app.domain.errors import UserError
from app.metrics import Metrics
from app.settings import load_settings
from app.store.old_secrets import last_use
from app.store.tables import deliveries
from app.web.body import BodyReader
from app.web.hooks import STORE_WITHIN, HookDoor
from app.web.main import create_app
from app.web.server import serving
from app.wiring import Store, open_forges, open_store
from tests.github.support import PEM
from tests.harness.hooks import guid, signature, signed
from tests.harness.stage import inside
from tests.harness.temporal import TemporalServer

SECRET, OLD_SECRET = "the new secret of the App", "the secret it had before"
BODY = b'{"action": "opened",  "number": 7}'

CONNECTION: dict[str, JsonValue] = {
    "key": "github",
    "kind": "github",
    "web_url": "https://github.com",
    "app_id": 4711,
    "slug": "acme-corrigent",
    "private_key": PEM,
    "webhook_secret": SECRET,
    "old_webhook_secret": OLD_SECRET,
}


@dataclass(frozen=True)
class Door:
    port: int
    store: Store
    metrics: Metrics

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/github"

    async def send(self, body: bytes, headers: Mapping[str, str]) -> int:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            return (await client.post(self.url, content=body, headers=headers)).status_code

    async def stored(self) -> list[str]:
        rows = await self.store.db.read(lambda sql: sql.execute(select(deliveries.c.delivery_id)).scalars().all())
        return list(rows)


@asynccontextmanager
async def door_of(
    home: Path,
    *,
    deadline: timedelta = timedelta(seconds=10),
    store_within: timedelta = STORE_WITHIN,
    **more: JsonValue,
) -> AsyncGenerator[Door]:
    """A process's door without the rest of the process."""
    metrics = Metrics()
    settings = load_settings({"home": str(home), "connections": [CONNECTION], **more}, environ={})
    async with (
        open_store(settings, may_migrate=True, metrics=metrics) as store,
        open_forges(settings, store.limits) as forges,
    ):
        door = HookDoor(
            deliveries=store.deliveries,
            inboxes=forges.inboxes,
            wake=lambda: None,
            received=lambda _connection, _status, _seconds: None,
            old_secrets=store.old_secrets,
            reader=BodyReader(deadline=deadline),
            store_within=store_within,
        )

        async def healthy() -> Mapping[str, str]:
            return {}

        async with serving(create_app(door=door, healthy=healthy), "127.0.0.1", 0) as port:
            yield Door(port, store, metrics)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with door_of(tmp_path) as opened:
        yield opened


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in signed(BODY, SECRET).items() if key != name}


REFUSED: dict[str, Mapping[str, str]] = {
    "no signature": without("x-hub-signature-256"),
    "sha-1 alone": {**without("x-hub-signature-256"), "x-hub-signature": "sha1=" + "0" * 40},
    "another secret": signed(BODY, "somebody else's"),
    "an empty secret": signed(BODY, ""),
    "of the same JSON, written anew": signed(json.dumps(json.loads(BODY)).encode(), SECRET),
    "in capitals": {**signed(BODY, SECRET), "x-hub-signature-256": signature(BODY, SECRET).upper()},
    "cut short": {**signed(BODY, SECRET), "x-hub-signature-256": signature(BODY, SECRET)[:-1]},
    "of nothing": {**signed(BODY, SECRET), "x-hub-signature-256": ""},
    "twice": {**signed(BODY, SECRET), "x-hub-signature-256": ",".join([signature(BODY, SECRET)] * 2)},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
async def test_who_cannot_sign_is_refused_and_leaves_nothing(door: Door, headers: Mapping[str, str]) -> None:
    assert await door.send(BODY, headers) == 401
    assert await door.stored() == []


async def test_both_secrets_of_a_rotation_open_the_door(door: Door) -> None:
    assert await door.send(BODY, signed(BODY, SECRET, number=1)) == 202
    assert await door.send(BODY, signed(BODY, OLD_SECRET, number=2)) == 202
    assert await door.stored() == [guid(1), guid(2)]


async def test_uses_of_the_old_secret_are_counted_and_the_last_one_is_remembered(door: Door) -> None:
    assert await door.send(BODY, signed(BODY, SECRET, number=1)) == 202
    assert await last_use(door.store.cursors, "github") is None
    assert b'hooks_old_secret_total{connection="github"}' not in door.metrics.render()
    for number in (2, 3):
        assert await door.send(BODY, signed(BODY, OLD_SECRET, number=number)) == 202
    assert b'corrigent_hooks_old_secret_total{connection="github"} 2.0' in door.metrics.render()
    assert await last_use(door.store.cursors, "github") is not None


def test_without_a_secret_there_is_no_door() -> None:
    with pytest.raises(UserError, match="webhook_secret"):
        load_settings({"connections": [{**CONNECTION, "webhook_secret": ""}]}, environ={})


async def test_the_same_delivery_twice_is_one_row(door: Door) -> None:
    for _ in range(2):
        assert await door.send(BODY, signed(BODY, SECRET)) == 202
    assert await door.stored() == [guid(0)]


@pytest.mark.parametrize("given", ["", "7", "x" * 10_000, "../../x", "00000000-0000-4000-8000-00000000000G"])
async def test_without_a_usable_id_the_body_names_the_delivery(door: Door, given: str) -> None:
    for _ in range(2):
        assert await door.send(BODY, {**signed(BODY, SECRET), "x-github-delivery": given}) == 202
    (stored,) = await door.stored()
    assert stored.startswith("body-")
    assert len(stored) < 100


async def test_other_doors_and_other_methods_do_not_exist(door: Door) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        elsewhere = door.url.replace("/github", "/gitlab")
        assert (await client.post(elsewhere, content=BODY, headers=signed(BODY, SECRET))).status_code == 404
        assert (await client.get(door.url)).status_code == 405
        assert (await client.post(f"{door.url}/x", content=BODY)).status_code == 404


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def pull_request(**changes: JsonValue) -> bytes:
    repository: dict[str, JsonValue] = {"id": 77, "full_name": "acme/shop", "default_branch": "main"}
    body: dict[str, JsonValue] = {
        "action": "closed",
        "installation": {"id": 5},
        "repository": repository,
        "pull_request": {"number": 7, "head": {"ref": "x", "sha": "a" * 40}},
    }
    return json.dumps({**body, **changes}).encode()


def repository_named(name: str) -> bytes:
    return pull_request(repository={"id": 77, "full_name": name, "default_branch": "main"})


def comment(text: str, **issue: JsonValue) -> bytes:
    return pull_request(
        action="created",
        issue={"number": 7, "pull_request": {}, **issue},
        comment={"id": 9, "body": text, "user": {"id": 11, "login": "maria", "type": "User"}},
    )


# What the signed body is, of which event, and what becomes of its row.
ROWS: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "pull_request", "malformed"),
    "blank": (b"  ", "pull_request", "malformed"),
    "not JSON": (b"{", "pull_request", "malformed"),
    "a list": (b"[]", "pull_request", "malformed"),
    "a text": (b'"opened"', "pull_request", "malformed"),
    "a number": (b"1", "pull_request", "malformed"),
    "null": (b"null", "pull_request", "malformed"),
    "not UTF-8": (b'{"action": "\xff"}', "pull_request", "malformed"),
    "NaN": (b'{"number": NaN}', "pull_request", "malformed"),
    "5,000 digits": (b'{"number": ' + b"9" * 5000 + b"}", "pull_request", "malformed"),
    "a key twice": (b'{"action": "opened", "action": "deleted"}', "pull_request", "malformed"),
    "nested 100,000 deep": (nested(100_000), "pull_request", "malformed"),
    "no fields": (b"{}", "pull_request", "malformed"),
    "fields of other types": (pull_request(pull_request=[1]), "pull_request", "malformed"),
    "a number no row can hold": (comment("/corrigent help", number=10**30), "issue_comment", "malformed"),
    "half a character": (comment("/corrigent help \ud800"), "issue_comment", "handled"),
    "a zero character": (comment("/corrigent help \0"), "issue_comment", "handled"),
    "a name that climbs": (repository_named("../../x"), "pull_request", "malformed"),
    "a name with a line": (repository_named("acme/shop\n"), "pull_request", "malformed"),
    "a name with an escape": (repository_named("acme/%2f"), "pull_request", "malformed"),
    "a name of dots": (repository_named("acme/.."), "pull_request", "malformed"),
    "an unknown event": (b"{}", "sponsorship", "ignored"),
    "no event": (b"{}", "", "ignored"),
    "an event of 10,000 letters": (b"{}", "x" * 10_000, "ignored"),
    "an unknown action": (pull_request(action="enqueued"), "pull_request", "ignored"),
    "no action": (pull_request(action=""), "pull_request", "ignored"),
    "no installation": (pull_request(installation=None), "pull_request", "ignored"),
    "a new kind of field": (pull_request(novelty={"a": [1]}), "pull_request", "handled"),
    "all is well": (pull_request(), "pull_request", "handled"),
    "large": (pull_request(padding="x" * 3_000_000), "pull_request", "handled"),
}


async def test_whatever_is_signed_is_kept_and_told_what_became_of_it(temporal: TemporalServer, tmp_path: Path) -> None:
    async with inside(temporal, tmp_path) as stage:
        secret = stage.invariants.credentials.webhook_secret
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            for number, (body, event, _) in enumerate(ROWS.values()):
                headers = signed(body, secret, event=event, number=number)
                answer = await client.post(stage.forge.webhook_url, content=body, headers=headers)
                assert answer.status_code == 202
            form = urlencode({"payload": pull_request().decode()}).encode()
            headers = {
                **signed(form, secret, event="pull_request", number=999),
                "content-type": "application/x-www-form-urlencoded",
            }
            assert (await client.post(stage.forge.webhook_url, content=form, headers=headers)).status_code == 202
        deadline = monotonic() + 60
        while (await stage.system.running.store.deliveries.backlog())[0] and monotonic() < deadline:
            await asyncio.sleep(0.05)
        rows = await stage.system.running.store.db.read(lambda sql: sql.execute(select(deliveries)).mappings().all())
        became = {row["delivery_id"]: row["status"] for row in rows}
        expected = {guid(number): status for number, (_, _, status) in enumerate(ROWS.values())}
        names = {guid(number): name for number, name in enumerate(ROWS)}
        wrong = [f"{names[key]}: {became.get(key)}" for key, status in expected.items() if became.get(key) != status]
        assert wrong == []
        assert became[guid(999)] == "handled"
        # The process is as well as before.
        assert not stage.system.running.failed.is_set()
        pull_request_after = await stage.open()
        await stage.settled(pull_request_after)
