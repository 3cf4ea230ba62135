"""The fake GitLab's hooks: bodies as the real ones, headers and signatures, failures that switch a hook off."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.hooks import Delivery
from app.forges.fake.gitlab.scenario import FakeGitLab
from tests.contracts.support import inbox
from tests.fake_gitlab.conftest import Site

# Fields of the recorded bodies that are there only in a state which ours is not in.
ONLY_SOMETIMES = {
    "merge_request.assignee": "somebody is assigned",
    "changes.updated_by_id": "changed by another than before",
    "changes.state_id": "the state changed",
    "changes.labels": "labels changed",
    "assignees": "somebody is assigned",
    "reviewers": "somebody reviews",
}


def lacking(real: Any, ours: Any, where: str = "") -> list[str]:
    """What a recorded body has and ours has not, or has as something else."""
    if isinstance(real, dict) and isinstance(ours, dict):
        theirs, given = cast("dict[str, Any]", real), cast("dict[str, Any]", ours)
        places = {name: f"{where}.{name}".strip(".") for name in theirs}
        gone = [place for name, place in places.items() if name not in given and place not in ONLY_SOMETIMES]
        inner = [lacking(theirs[name], given[name], place) for name, place in places.items() if name in given]
        return gone + [one for found in inner for one in found]
    if isinstance(real, list) and isinstance(ours, list):
        return lacking(real[0], ours[0], f"{where}[]") if real and ours else []
    return [] if _same_kind(cast("object", real), cast("object", ours)) else [f"{where} is {ours!r}"]


def _same_kind(real: object, ours: object) -> bool:
    """Nothing, on either side, is of every kind."""
    return ours is None or real is None or type(real) is type(ours)


@pytest.mark.parametrize(
    ("name", "event"),
    [("merge_request", "Merge Request Hook"), ("note_merge_request", "Note Hook"), ("push", "Push Hook")],
)
async def test_bodies_have_the_shape_of_real_ones(site: Site, shared_data: Path, name: str, event: str) -> None:
    await site.merge_request.label("API")
    site.merge_request.comment("This MR needs work.")
    await site.merge_request.push({"pay.py": "1\n"})
    recorded = json.loads((shared_data / "gitlab/go-gitlab-testdata/webhooks" / f"{name}.json").read_text())
    sent = [one for one in site.fake.deliveries if one.event == event]
    assert sent
    assert {problem for one in sent for problem in lacking(recorded, one.payload)} == set()


async def test_changes_are_told_as_gitlab_tells_them(site: Site) -> None:
    before = site.merge_request.head_sha
    await site.merge_request.push({"pay.py": "1\n"})
    await site.merge_request.convert_to_draft()
    await site.merge_request.label("API")
    site.merge_request.request_review("corrigent")
    site.merge_request.request_review("corrigent")
    await site.merge_request.close()
    told: list[Any] = [one.payload for one in site.fake.deliveries if one.event == "Merge Request Hook"]
    assert [one["object_attributes"]["action"] for one in told] == ["open", *["update"] * 5, "close"]
    # `oldrev` says that there is new code, and is there for nothing else.
    assert [one["object_attributes"].get("oldrev") for one in told] == [None, before, *[None] * 5]
    assert told[2]["changes"]["draft"] == {"previous": False, "current": True}
    assert [one["title"] for one in told[3]["changes"]["labels"]["current"]] == ["API"]
    asked = [[one["re_requested"] for one in body["changes"]["reviewers"]["current"]] for body in told[4:6]]
    assert asked == [[False], [True]]


async def test_what_is_not_for_everybody_is_told_to_who_asks_for_it(site: Site) -> None:
    site.merge_request.comment("Between us", internal=True)
    site.merge_request.system_note("added 1 commit")
    assert [one.event for one in site.fake.deliveries] == ["Merge Request Hook"]
    site.fake.hooks[0].events["confidential_note_events"] = True
    site.merge_request.comment("Between us", internal=True)
    told = site.fake.deliveries[-1]
    assert (told.event, told.payload["event_type"]) == ("Confidential Note Hook", "confidential_note")


async def test_headers_say_who_and_which_and_prove_it() -> None:
    async with inbox() as box, FakeGitLab.start() as fake:
        fake.webhook_url = box.url
        project = await fake.create_repo("acme/shop")
        bot = await fake.install_bot(repos=[project], signed=True)
        await project.open_pull_request(changes={"a.py": "1\n"})
        await fake.deliveries_answered()
        fake.redeliver(fake.deliveries[0])
        await fake.deliveries_answered()
    first, again = (one.headers for one in box.arrived)
    assert (first["x-gitlab-event"], first["x-gitlab-token"]) == ("Merge Request Hook", bot.webhook_secret)
    assert first["idempotency-key"] == again["idempotency-key"] == first["webhook-id"]
    assert first["x-gitlab-webhook-uuid"] != again["x-gitlab-webhook-uuid"]
    signed = f"{first['webhook-id']}.{first['webhook-timestamp']}.".encode() + box.arrived[0].body
    key = base64.b64decode(bot.signing_token.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert first["webhook-signature"] == f"v1,{digest}"


async def test_a_hook_that_fails_is_switched_off_for_longer_and_longer() -> None:
    async with inbox() as box, FakeGitLab.start() as fake:
        fake.webhook_url = box.url
        project = await fake.create_repo("acme/shop")
        await fake.install_bot(repos=[project])
        merge_request = await project.open_pull_request(changes={"a.py": "1\n"})
        await fake.deliveries_answered()

        async def hear(*, status: int) -> str:
            box.statuses.append(status)
            merge_request.comment("Hello")
            await fake.deliveries_answered()
            if fake.deliveries[-1].status == "hook disabled":
                box.statuses.clear()
            return fake.gitlab.hooks.state_of(fake.hooks[0])

        assert [await hear(status=500) for _ in range(4)] == [*["executable"] * 3, "temporarily_disabled"]
        assert await hear(status=202) == "temporarily_disabled"
        assert fake.deliveries[-1].status == "hook disabled"
        fake.advance(timedelta(seconds=61))
        assert await hear(status=404) == "temporarily_disabled"
        fake.advance(timedelta(seconds=61))
        assert await hear(status=202) == "temporarily_disabled"
        fake.advance(timedelta(seconds=61))
        assert await hear(status=202) == "executable"
        fake.hooks[0].failures = 39
        assert await hear(status=500) == "disabled"
        fake.advance(timedelta(days=2))
        assert await hear(status=202) == "disabled"


async def test_a_delivery_that_failed_may_be_tried_again_with_the_same_key() -> None:
    async with inbox() as box, FakeGitLab.start() as fake:
        fake.webhook_url = box.url
        fake.gitlab.hooks.retries = 2
        project = await fake.create_repo("acme/shop")
        await fake.install_bot(repos=[project])
        box.statuses += [500, 502]
        await project.open_pull_request(changes={"a.py": "1\n"})
        await fake.deliveries_answered()
        sent: list[Delivery] = list(fake.deliveries)
    assert [one.status_code for one in sent] == [500, 502, 202]
    assert len({one.guid for one in sent}) == 1


async def test_what_is_under_way_is_in_no_list(site: Site) -> None:
    site.project.set_role("corrigent", Access.MAINTAINER)
    events = f"{site.at}/hooks/{site.fake.hooks[0].hook_id}/events"
    assert (await site.http.get(events)).json() == []
    site.fake.release_deliveries()
    await site.fake.deliveries_answered()
    assert [one["trigger"] for one in (await site.http.get(events)).json()] == ["merge_request_hooks"]


async def test_hooks_are_made_for_projects_and_groups(site: Site) -> None:
    site.fake.hooks[0].url = ""
    site.project.set_role("corrigent", Access.MAINTAINER)
    wanted = {"url": "http://127.0.0.1:9/a", "token": "secret", "note_events": True, "push_events": False}
    made = (await site.http.post(f"{site.at}/hooks", json=wanted)).json()
    assert ("token" in made, made["note_events"], made["push_events"]) == (False, True, False)
    changed = await site.http.put(f"{site.at}/hooks/{made['id']}", json={"url": "http://127.0.0.1:9/b"})
    assert changed.json()["url"].endswith("/b")
    site.fake.gitlab.group("acme").members[site.bot.user_id] = Access.OWNER
    await site.http.post("/groups/acme/hooks", json={**wanted, "url": "http://127.0.0.1:9/group"})
    site.merge_request.comment("Hello")
    heard = [one.url for one in site.fake.deliveries if one.event == "Note Hook"]
    assert [url.rpartition("/")[2] for url in heard] == ["b", "group"]
    assert (await site.http.delete(f"{site.at}/hooks/{made['id']}")).status_code == 204
    assert len((await site.http.get(f"{site.at}/hooks")).json()) == 1
