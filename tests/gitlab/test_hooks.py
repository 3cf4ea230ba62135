"""Deliveries from GitLab: which are believed, how they are told apart, and what they mean."""

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.domain.errors import BadSignature, MalformedDelivery, UserError
from app.domain.events import CommentMade, Event, FeedbackGiven, Ignored, PullRequestChanged, RerunRequested
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.hooks import GitLabInbox
from app.forges.gitlab.reader import GitLabReader
from tests.gitlab.support import BOT_ID, SECRET, SIGNING_KEY, SIGNING_TOKEN, WEB, RememberingLimits, at, connection

NOW = at("2026-11-21T12:00:00+00:00")
BODY = b'{"object_kind": "push"}'
Body = dict[str, Any]


def inbox(**changes: object) -> GitLabInbox:
    return GitLabInbox(connection(**changes), BOT_ID, clock=lambda: NOW)


def signed(
    body: bytes = BODY, *, key: bytes = SIGNING_KEY, age: timedelta = timedelta(), **more: str
) -> dict[str, str]:
    stamp = str(int((NOW - age).timestamp()))
    digest = hmac.new(key, f"one-1.{stamp}.".encode() + body, hashlib.sha256).digest()
    mark = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": "one-1", "webhook-timestamp": stamp, "webhook-signature": mark, **more}


SIGNING: dict[str, object] = {"signing_tokens": (SecretStr(SIGNING_TOKEN),)}
OLD = b"o" * 32
BOTH: dict[str, object] = {
    "signing_tokens": (SecretStr(SIGNING_TOKEN), SecretStr("whsec_" + base64.b64encode(OLD).decode()))
}
BELIEVED: list[tuple[str, dict[str, object], dict[str, str]]] = [
    ("the secret", {}, {"x-gitlab-token": SECRET}),
    ("the former secret", {"webhook_secrets": (SecretStr("new"), SecretStr(SECRET))}, {"x-gitlab-token": SECRET}),
    ("a signature", SIGNING, signed()),
    ("a signature of 4 minutes ago", SIGNING, signed(age=timedelta(minutes=4))),
    ("by a clock ahead of ours", SIGNING, signed(age=-timedelta(minutes=4))),
    ("with the former key", BOTH, signed(key=OLD)),
    ("two signatures, one of them ours", SIGNING, signed() | {"webhook-signature": "v1,AAAA " + signed()["webhook-signature"]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "headers"), BELIEVED, ids=[row[0] for row in BELIEVED])
def test_these_are_believed(name: str, changes: dict[str, object], headers: dict[str, str]) -> None:
    assert inbox(**changes).verify(headers, BODY) == ("old" if "former" in name else "current")


REFUSED: list[tuple[str, dict[str, object], dict[str, str]]] = [
    ("nothing", {}, {}),
    ("an empty token", {}, {"x-gitlab-token": ""}),
    ("another token", {}, {"x-gitlab-token": SECRET + "x"}),
    ("no secret is configured", {"webhook_secrets": ()}, {"x-gitlab-token": ""}),
    ("any token where no secret is configured", {"webhook_secrets": ()}, {"x-gitlab-token": "x"}),
    ("the secret where a signature is required", SIGNING, {"x-gitlab-token": SECRET}),
    ("a signature of 6 minutes ago", SIGNING, signed(age=timedelta(minutes=6))),
    ("a signature of 6 minutes ahead", SIGNING, signed(age=-timedelta(minutes=6))),
    ("of another body", SIGNING, signed(b"{}")),
    ("of another key", SIGNING, signed(key=OLD)),
    ("another id", SIGNING, signed() | {"webhook-id": "two"}),
    ("a later time", SIGNING, signed() | {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}),
    ("a time that is none", SIGNING, signed() | {"webhook-timestamp": "²"}),
    ("a wrong signature beside the right secret", SIGNING, signed(key=OLD) | {"x-gitlab-token": SECRET}),
    ("no scheme", SIGNING, signed() | {"webhook-signature": signed()["webhook-signature"].removeprefix("v1,")}),
]


@pytest.mark.parametrize(("changes", "headers"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_these_are_not(changes: dict[str, object], headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        inbox(**changes).verify(headers, BODY)


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook_secrets": (SecretStr(""),)},
        {"signing_tokens": (SecretStr(""),)},
        {"signing_tokens": (SecretStr("whsec_"),)},
        {"signing_tokens": (SecretStr("whsec_not base64"),)},
        {"signing_tokens": (SecretStr(base64.b64encode(SIGNING_KEY).decode()),)},
        {"webhook_secrets": tuple(SecretStr(each) for each in "abc")},
    ],
)
def test_what_would_leave_the_door_open_stops_the_start(changes: dict[str, object]) -> None:
    with pytest.raises(UserError):
        inbox(**changes)


def test_a_delivery_has_the_same_id_whenever_it_comes() -> None:
    door = inbox()
    key = {"idempotency-key": "F5E5F430-F57B-4E6E-9FAC-D9128CD7232F"}
    assert door.delivery_id(key, b"1") == door.delivery_id(key, b"2") == "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"
    assert door.delivery_id({**key, "webhook-id": "signed-id"}, b"1") == "signed-id"
    # What a delivery brings about on GitLab has the same event UUID and is another delivery.
    event = {"x-gitlab-event-uuid": "e5e5f430"}
    assert door.delivery_id(event, b"1") == door.delivery_id(event, b"1") != door.delivery_id(event, b"2")
    assert door.delivery_id(event, b"1") != door.delivery_id({}, b"1")
    assert len(door.delivery_id({"idempotency-key": "x" * 10_000}, b"1")) < 100


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> Callable[[str], Body]:
    """A real body as GitLab sent it."""
    return lambda name: json.loads((shared_data / "gitlab/go-gitlab-testdata/webhooks" / f"{name}.json").read_text())


def parse(name: str, body: Body) -> Event:
    return inbox().parse({"x-gitlab-event": name}, json.dumps(body).encode())


def merge(recorded: Callable[[str], Body], action: str = "update", changes: Body | None = None, **more: Any) -> Body:
    body = copy.deepcopy(recorded("merge_request"))
    project = body["project"]["id"]
    body["object_attributes"] |= {"action": action, "target_project_id": project, **more}
    return {**body, "changes": changes or {}}


BOT_NOW: Body = {"current": [{"id": BOT_ID, "username": "us"}], "previous": []}
CHANGES: list[tuple[str, str, Body, Body, str]] = [
    ("opened", "open", {}, {}, "opened"),
    ("opened again", "reopen", {}, {}, "reopened"),
    ("closed", "close", {}, {}, "closed"),
    ("merged", "merge", {}, {}, "closed"),
    ("pushed", "update", {}, {"oldrev": "a" * 40}, "pushed"),
    ("pushed and renamed", "update", {"title": {}}, {"oldrev": "a" * 40}, "pushed"),
    ("out of draft", "update", {"draft": {"previous": True, "current": False}}, {}, "ready"),
    ("into draft", "update", {"draft": {"previous": False, "current": True}}, {}, "drafted"),
    ("another target", "update", {"target_branch": {"previous": "a", "current": "b"}}, {}, "retargeted"),
    ("a label more", "update", {"labels": {"previous": [], "current": [{}]}}, {}, "labeled"),
    ("a label less", "update", {"labels": {"previous": [{}], "current": []}}, {}, "unlabeled"),
    ("another title", "update", {"title": {"previous": "a", "current": "b"}}, {}, "edited"),
]


@pytest.mark.parametrize(
    ("action", "changes", "more", "means"), [row[1:] for row in CHANGES], ids=[r[0] for r in CHANGES]
)
def test_a_merge_request_s_changes(
    recorded: Callable[[str], Body], action: str, changes: Body, more: Body, means: str
) -> None:
    event = parse("Merge Request Hook", merge(recorded, action, changes, **more))
    assert isinstance(event, PullRequestChanged)
    assert event.change == means
    assert str(event.ref) == "gitlab/1/1"
    assert event.head_sha == "da1560886d4f094c3e6c9ef40349f7d38b5d27d7"
    assert (event.repo.full_name, event.repo.private) == ("gitlabhq/gitlab-test", False)
    assert event.sender is not None
    assert event.sender.login == "user1"


QUIET: list[tuple[str, str, Body]] = [
    ("approved", "approved", {}),
    ("nothing changed", "update", {}),
    ("an assignee", "update", {"assignees": {"previous": [], "current": []}}),
    ("another reviewer", "update", {"reviewers": {"previous": [], "current": [{"id": 5}]}}),
    ("we are no reviewer any more", "update", {"reviewers": {"previous": [{"id": BOT_ID}], "current": []}}),
    ("we still are", "update", {"reviewers": {"previous": [{"id": BOT_ID}], "current": [{"id": BOT_ID}, {"id": 5}]}}),
]


@pytest.mark.parametrize(("action", "changes"), [row[1:] for row in QUIET], ids=[row[0] for row in QUIET])
def test_what_is_no_news(recorded: Callable[[str], Body], action: str, changes: Body) -> None:
    assert isinstance(parse("Merge Request Hook", merge(recorded, action, changes)), Ignored)


AGAIN: Body = {"previous": [{"id": BOT_ID}], "current": [{"id": BOT_ID, "re_requested": True}]}


@pytest.mark.parametrize("reviewers", [BOT_NOW, AGAIN], ids=["asked", "asked again"])
def test_to_be_asked_for_a_review_is_to_be_told_to_review(recorded: Callable[[str], Body], reviewers: Body) -> None:
    event = parse("Merge Request Hook", merge(recorded, changes={"reviewers": reviewers}))
    assert isinstance(event, RerunRequested)
    assert (event.run_id, event.head_sha[:7], event.sender.login) == (None, "da15608", "user1")


def test_our_own_push_is_told_and_our_own_label_is_not(recorded: Callable[[str], Body]) -> None:
    ours = {"user": {"id": BOT_ID, "username": "us"}}
    pushed = parse("Merge Request Hook", merge(recorded, oldrev="a" * 40) | ours)
    assert isinstance(pushed, PullRequestChanged)
    label = merge(recorded, changes={"labels": {"previous": [], "current": [{}]}}) | ours
    assert isinstance(parse("Merge Request Hook", label), Ignored)


def test_a_body_that_names_two_projects_is_not_followed(recorded: Callable[[str], Body]) -> None:
    event = parse("Merge Request Hook", merge(recorded, "open", target_project_id=666))
    assert event == Ignored(reason="it names two projects")


def note(recorded: Callable[[str], Body], **attributes: Any) -> Body:
    body = copy.deepcopy(recorded("note_merge_request"))
    body["object_attributes"] |= attributes
    return body


@pytest.mark.parametrize(
    "address", ["http://169.254.169.254/x.git", "https://evil.example/acme/shop.git", "file:///etc"]
)
async def test_addresses_in_a_delivery_lead_nowhere(recorded: Callable[[str], Body], address: str) -> None:
    """What a body calls its project's address is not read at all: git goes to the configured site, by name."""
    body = merge(recorded, "open")
    project = {name: address if "url" in name else value for name, value in body["project"].items()}
    event = parse("Merge Request Hook", {**body, "project": project, "repository": {"url": address}})
    assert isinstance(event, PullRequestChanged)
    assert address not in event.model_dump_json()
    client = GitLabClient(connection(), RememberingLimits())
    access = await GitLabReader(client, Heads(), BOT_ID).git_access(event.repo)
    await client.close()
    assert access.url == f"{WEB}/{event.repo.full_name}.git"


def test_a_note_below_a_merge_request(recorded: Callable[[str], Body]) -> None:
    event = parse("Note Hook", note(recorded))
    assert isinstance(event, CommentMade)
    assert (str(event.ref), event.kind, event.comment_id, event.root_comment_id) == (
        "gitlab/5/1",
        "comment",
        "1244",
        None,
    )
    assert (event.author.user_id, event.author.login, event.body) == ("1", "root", "This MR needs work.")
    assert event.previous_body is None


@pytest.mark.parametrize("kind", ["DiffNote", "DiscussionNote"])
def test_a_note_in_a_thread_names_its_discussion(recorded: Callable[[str], Body], kind: str) -> None:
    event = parse("Note Hook", note(recorded, type=kind, discussion_id="6a9c"))
    assert isinstance(event, CommentMade)
    assert (event.kind, event.root_comment_id) == ("thread", "6a9c")


def test_a_note_that_stands_alone_is_no_thread(recorded: Callable[[str], Body]) -> None:
    event = parse("Note Hook", note(recorded, type=None, discussion_id="6a9c"))
    assert isinstance(event, CommentMade)
    assert (event.kind, event.root_comment_id) == ("comment", None)


def test_nothing_in_an_edited_note_is_new(recorded: Callable[[str], Body]) -> None:
    event = parse("Note Hook", note(recorded, action="update", note="/corrigent fix"))
    assert isinstance(event, CommentMade)
    assert event.previous_body == event.body == "/corrigent fix"


UNHEARD: list[tuple[str, Body]] = [
    ("by GitLab itself", {"system": True}),
    ("internal", {"internal": True}),
    ("confidential", {"confidential": True}),
    ("of ours", {"author_id": BOT_ID}),
    ("somebody else's, changed by an administrator", {"author_id": 5, "action": "update"}),
    ("on an issue", {"noteable_type": "Issue"}),
]


@pytest.mark.parametrize("attributes", [row[1] for row in UNHEARD], ids=[row[0] for row in UNHEARD])
def test_notes_that_are_not_heard(recorded: Callable[[str], Body], attributes: Body) -> None:
    event = parse("Note Hook", note(recorded, note="/corrigent review", **attributes))
    assert isinstance(event, Ignored)
    assert "corrigent" not in event.reason


def test_a_confidential_note_is_not_heard_by_either_name(recorded: Callable[[str], Body]) -> None:
    hidden = {**note(recorded), "event_type": "confidential_note"}
    assert isinstance(parse("Note Hook", hidden), Ignored)
    assert isinstance(parse("Confidential Note Hook", note(recorded)), Ignored)


def test_a_note_of_a_token_s_user_is_a_bot_s(recorded: Callable[[str], Body]) -> None:
    body = note(recorded) | {"user": {"id": 1, "username": "project_5_bot_a1b2"}}
    event = parse("Note Hook", body)
    assert isinstance(event, CommentMade)
    assert event.author.is_bot


def test_every_recorded_delivery_is_read_or_ignored(shared_data: Path) -> None:
    kinds = {"merge_request": "Merge Request Hook", "note": "Note Hook", "push": "Push Hook"}
    means: dict[str, str] = {}
    for path in sorted((shared_data / "gitlab/go-gitlab-testdata/webhooks").glob("*.json")):
        # The names of some fields end in spaces there, which no GitLab ever sent.
        if path.stem not in {"service_merge_request", "group_merge_request"}:
            body: Body = json.loads(path.read_text())
            means[path.stem] = type(parse(kinds.get(str(body.get("object_kind")), "System Hook"), body)).__name__
    # The merge request is the manual's, whose project and target are two.
    assert {name for name, event in means.items() if event != "Ignored"} == {"note_merge_request"}
    assert len(means) > 15


BROKEN: list[tuple[str, bytes]] = [
    ("no JSON", b"{"),
    ("a list", b"[]"),
    ("nothing", b""),
    ("a key twice", b'{"object_kind": "note", "object_kind": "push"}'),
    ("a number that is none", b'{"a": NaN}'),
    ("a huge number", b'{"a": ' + b"9" * 5000 + b"}"),
    ("fields missing", b"{}"),
    ("a name that climbs", json.dumps({"user": {"id": 1, "username": "a"}, "project": {"id": 1, "path_with_namespace": "../x"}, "object_attributes": {"iid": 1, "target_project_id": 1}}).encode()),
    ("a name with a line end", json.dumps({"user": {"id": 1, "username": "a"}, "project": {"id": 1, "path_with_namespace": "a/b\n"}, "object_attributes": {"iid": 1, "target_project_id": 1}}).encode()),
]  # fmt: skip


@pytest.mark.parametrize("body", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        inbox().parse({"x-gitlab-event": "Merge Request Hook"}, body)


def test_unknown_events_are_ignored_without_a_look_at_them() -> None:
    assert isinstance(inbox().parse({"x-gitlab-event": "Wiki Page Hook"}, b"{"), Ignored)
    assert isinstance(inbox().parse({}, b"{"), Ignored)


def emoji(name: str = "thumbsdown", *, revoked: bool = False, by: Body | None = None, **note: Any) -> Body:
    """On a note of ours in a thread, unless told otherwise."""
    return {
        "event_type": "revoke" if revoked else "award",
        "user": by or {"id": 1, "username": "maria"},
        "project": {"id": 77, "path_with_namespace": "acme/backend/shop"},
        "object_attributes": {"name": name, "awardable_type": "Note"},
        "note": {"id": 5, "author_id": BOT_ID, "discussion_id": "d15c", "type": "DiffNote", **note},
        "merge_request": {"iid": 12, "target_project_id": 77},
    }


@pytest.mark.parametrize(
    ("body", "vote", "given"),
    [(emoji("thumbsup"), "up", True), (emoji(), "down", True), (emoji(revoked=True), "down", False)],
)
def test_a_thumb_on_our_words_is_feedback(body: Body, vote: str, given: bool) -> None:
    event = parse("Emoji Hook", body)
    assert isinstance(event, FeedbackGiven)
    assert (str(event.ref), event.root_comment_id, event.given) == ("gitlab/77/12", "d15c", given)
    assert (event.feedback.person.login, event.feedback.vote) == ("maria", vote)


@pytest.mark.parametrize(
    "body",
    [
        emoji("heart"),
        emoji(author_id=1),
        emoji(discussion_id=None),
        emoji(internal=True),
        emoji(by={"id": BOT_ID, "username": "group_5_bot_3f"}),
        emoji(by={"id": 9, "username": "project_7_bot_3f"}),
        {**emoji(), "note": None},
        {**emoji(), "merge_request": {"iid": 12, "target_project_id": 78}},
    ],
)
def test_any_other_emoji_is_none(body: Body) -> None:
    assert isinstance(parse("Emoji Hook", body), Ignored)


async def test_gitlab_keeps_no_list_for_us() -> None:
    assert await inbox().missed(NOW, set()) == ()
