"""The fake GitHub tells of what happens: signed, once, in its own shapes, and lost or shuffled by script."""

import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from app.forges.fake.outbox import HookRule
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import REVIEW_EVENTS, AppCredentials, FakeForge
from tests.contracts.support import CHANGED, FILE, Inbox, app_token, client, inbox, installation


@pytest.fixture
async def box() -> AsyncGenerator[Inbox]:
    async with inbox() as box:
        yield box


@pytest.fixture
async def repo(forge: FakeForge, box: Inbox) -> FakeRepo:
    forge.webhook_url = box.url
    return await forge.create_repo("acme/shop", files={"shop.py": FILE})


@pytest.fixture
async def app(forge: FakeForge, repo: FakeRepo) -> AppCredentials:
    return await forge.install_app()


async def test_a_delivery_is_signed_and_says_what_it_is(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox
) -> None:
    await repo.open_pull_request(title="Ä change", changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    opened = next(one for one in box.arrived if one.headers["x-github-event"] == "pull_request")
    signature = hmac.new(app.webhook_secret.encode(), opened.body, hashlib.sha256).hexdigest()
    assert opened.headers["x-hub-signature-256"] == f"sha256={signature}"
    assert opened.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert opened.headers["x-github-hook-installation-target-id"] == str(app.app_id)
    assert opened.payload["installation"]["id"] == app.installation_id
    assert opened.payload["repository"]["full_name"] == "acme/shop"
    assert opened.payload["pull_request"]["additions"] == 3


TOLD = {
    "pull_request": [
        "opened", "ready_for_review", "converted_to_draft", "labeled", "labeled", "unlabeled", "edited",
        "synchronize", "synchronize", "edited", "closed", "reopened", "closed",
    ],
    "issue_comment": ["created", "edited", "deleted"],
    # A single comment and a reply are told as a review too.
    "pull_request_review": ["submitted", "submitted", "submitted"],
    "pull_request_review_comment": ["created", "edited", "created", "deleted"],
    "pull_request_review_thread": ["resolved", "unresolved"],
}  # fmt: skip


async def test_everything_people_do_is_told(forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox) -> None:
    await repo.commit({"other.py": "1\n"}, branch="release")
    pull = await repo.open_pull_request(branch="feature", changes={"shop.py": CHANGED}, draft=True)
    await pull.ready()
    await pull.convert_to_draft()
    await pull.label("no-corrigent", "later")
    await pull.unlabel("later")
    await pull.edit(title="Better title", body="Better body")
    await pull.push({"shop.py": CHANGED.replace("five", "fünf")})
    await repo.commit({"base.py": "1\n"})
    await pull.rebase()
    await pull.retarget("release")
    await pull.close()
    await pull.reopen()
    comment = pull.comment("Hello")
    pull.edit_comment(comment, "Hello there")
    pull.delete_comment(comment)
    thread = await pull.comment_on_line("shop.py", 5, "Why?")
    pull.edit_comment(thread.comments[0], "Why not?")
    answer = pull.reply(thread, "Because.")
    pull.resolve(thread)
    pull.resolve(thread)
    pull.unresolve(thread)
    pull.delete_comment(answer)
    await pull.review("Looks odd", by="sam")
    await pull.merge()
    await forge.deliveries_answered()

    assert {event: box.actions(event) for event in REVIEW_EVENTS} == TOLD
    told = [one.payload for one in box.arrived if one.headers["x-github-event"] == "pull_request"]
    assert told[7]["before"] == told[0]["pull_request"]["head"]["sha"]
    assert told[7]["after"] == told[8]["before"]
    assert told[9]["changes"]["base"]["ref"] == {"from": "main"}
    assert told[12]["pull_request"]["merged"] is True


async def test_checks_tell_their_own_app(forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox) -> None:
    pull = await repo.open_pull_request(changes={"shop.py": CHANGED})
    button = {"label": "Again", "description": "Once more", "identifier": "again"}
    body = {"name": "Corrigent", "head_sha": pull.head_sha, "external_id": "run-1", "status": "in_progress"}
    async with installation(forge, app) as http:
        made = (await http.post("/repos/acme/shop/check-runs", json=body)).json()
        ended = {"conclusion": "success", "actions": [button]}
        await http.patch(f"/repos/acme/shop/check-runs/{made['id']}", json=ended)
    pull.press("again", by="sam")
    pull.rerun()
    pull.rerun_all()
    await forge.deliveries_answered()
    assert box.actions("check_run") == ["created", "completed", "requested_action", "rerequested"]
    assert box.actions("check_suite") == ["requested", "completed", "rerequested"]
    pressed = next(one.payload for one in box.arrived if one.payload.get("requested_action"))
    assert pressed["requested_action"] == {"identifier": "again"}
    assert (pressed["check_run"]["external_id"], pressed["check_run"]["app"]["id"]) == ("run-1", app.app_id)
    assert pressed["sender"]["login"] == "sam"
    with pytest.raises(ValueError, match="no button 'fix'"):
        pull.press("fix")


async def test_installations_tell_of_themselves(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox
) -> None:
    other = await forge.create_repo("acme/other")
    forge.change_repositories(app.installation_id, remove=[other])
    forge.change_repositories(app.installation_id, add=[other])
    forge.suspend(app.installation_id)
    forge.suspend(app.installation_id, suspended=False)
    forge.accept_permissions(app.installation_id, {"pull_requests": "write", "contents": "write"})
    forge.uninstall(app.installation_id)
    await repo.open_pull_request(changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    assert box.actions("ping") == [None]
    assert box.actions("installation") == ["created", "suspend", "unsuspend", "new_permissions_accepted", "deleted"]
    assert box.actions("installation_repositories") == ["removed", "added"]
    assert box.actions("pull_request") == []


async def test_only_what_was_subscribed_and_permitted_arrives(forge: FakeForge, repo: FakeRepo, box: Inbox) -> None:
    await forge.install_app(events=["pull_request", "issue_comment"], permissions={"pull_requests": "write"})
    pull = await repo.open_pull_request(changes={"shop.py": CHANGED})
    pull.comment("Nobody hears this: comments come with the permission for issues.")
    await pull.comment_on_line("shop.py", 5, "Nor this.")
    await forge.deliveries_answered()
    assert {one.headers["x-github-event"] for one in box.arrived} == {"ping", "installation", "pull_request"}


async def test_a_failed_delivery_is_not_repeated_but_listed_and_can_be_asked_for(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox
) -> None:
    await forge.deliveries_answered()
    box.statuses = [503]
    await repo.open_pull_request(changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    async with client(forge, app_token(app)) as http:
        listed = (await http.get("/app/hook/deliveries", params={"per_page": 100})).json()
        failed = next(one for one in listed if one["event"] == "pull_request")
        assert (failed["status_code"], failed["status"]) == (503, "Invalid HTTP Response: 503")
        whole = (await http.get(f"/app/hook/deliveries/{failed['id']}")).json()
        assert whole["request"]["payload"]["action"] == "opened"
        assert whole["request"]["headers"]["X-GitHub-Delivery"] == failed["guid"]
        assert (await http.post(f"/app/hook/deliveries/{failed['id']}/attempts")).status_code == 202
        await forge.deliveries_answered()
        newest = (await http.get("/app/hook/deliveries")).json()[0]
        assert (newest["guid"], newest["redelivery"], newest["status"]) == (failed["guid"], True, "OK")
        pages: list[int] = []
        address: str | None = "/app/hook/deliveries?per_page=2"
        while address:
            page = await http.get(address)
            pages += [one["id"] for one in page.json()]
            address = page.links.get("next", {}).get("url")
    assert pages == [one.delivery_id for one in reversed(forge.deliveries)]
    assert box.actions("pull_request") == ["opened", "opened"]


async def test_deliveries_are_lost_doubled_and_late_by_script(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox
) -> None:
    pull = await repo.open_pull_request(changes={"shop.py": CHANGED})
    forge.script_deliveries(HookRule("drop", event="issue_comment"))
    forge.script_deliveries(HookRule("lose", event="issue_comment"))
    forge.script_deliveries(HookRule("duplicate", event="issue_comment"))
    forge.script_deliveries(HookRule("delay", event="issue_comment", by=timedelta(seconds=0.2)))
    for number in range(5):
        pull.comment(f"Comment {number}")
    await forge.deliveries_answered()
    bodies = [one.payload["comment"]["body"] for one in box.arrived if one.headers["x-github-event"] == "issue_comment"]
    assert bodies == ["Comment 2", "Comment 2", "Comment 4", "Comment 3"]
    kept = [one for one in forge.deliveries if one.event == "issue_comment"]
    assert [one.status for one in kept] == ["failed to connect to host", "OK", "OK", "OK"]


async def test_held_deliveries_come_in_another_order(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox
) -> None:
    pull = await repo.open_pull_request(changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    forge.hold_deliveries()
    for number in range(6):
        pull.comment(f"{number}")
    await forge.deliveries_answered()
    assert box.actions("issue_comment") == []
    async with client(forge, app_token(app)) as http:
        listed = [(await http.get("/app/hook/deliveries")).json()]
        forge.release_deliveries(seed=1)
        await forge.deliveries_answered()
        listed.append((await http.get("/app/hook/deliveries")).json())
    # What is under way is in no list.
    assert [sum(one["event"] == "issue_comment" for one in page) for page in listed] == [0, 6]
    bodies = [one.payload["comment"]["body"] for one in box.arrived if one.headers["x-github-event"] == "issue_comment"]
    assert sorted(bodies) == ["0", "1", "2", "3", "4", "5"]
    assert bodies != sorted(bodies)


async def test_a_hook_may_come_as_a_form(forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox) -> None:
    async with client(forge, app_token(app)) as http:
        await http.patch("/app/hook/config", json={"content_type": "form"})
    await repo.open_pull_request(changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    last = next(one for one in box.arrived if one.headers["x-github-event"] == "pull_request")
    assert last.headers["content-type"] == "application/x-www-form-urlencoded"
    assert json.loads(parse_qs(last.body.decode())["payload"][0])["action"] == "opened"


async def test_nobody_home_is_recorded(forge: FakeForge, repo: FakeRepo, app: AppCredentials) -> None:
    await forge.deliveries_answered()
    forge.webhook_url = "http://127.0.0.1:1/hooks/github"
    await repo.open_pull_request(changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    assert {one.status for one in forge.deliveries if one.event == "pull_request"} == {"failed to connect to host"}


async def test_a_slow_answer_is_no_answer(forge: FakeForge, repo: FakeRepo, app: AppCredentials, box: Inbox) -> None:
    await forge.deliveries_answered()
    assert forge.github.hooks.answer_within == timedelta(seconds=10)
    forge.github.hooks.answer_within, box.delay = timedelta(seconds=0.05), 0.2
    await repo.open_pull_request(changes={"shop.py": CHANGED})
    await forge.deliveries_answered()
    assert {one.status for one in forge.deliveries if one.event == "pull_request"} == {"timed out"}
