"""Writing in bad weather: one check, one review, whatever GitHub answers, and nothing that is not on the list."""

import json
from typing import Any, cast

import httpx
import pytest
import respx
from pydantic import JsonValue

from app.domain.errors import ForgeRefused, ForgeUnavailable, HeadMoved
from app.domain.markers import finding_marker, run_marker
from app.domain.review import CheckButton, CheckText, InlineComment, ReviewDraft
from app.forges.base import CommentRef, Thread
from app.forges.github import routes
from app.forges.github.auth import AppAuth
from app.forges.github.calls import Calls
from app.forges.github.client import GitHubClient
from app.forges.github.writer import GitHubWriter
from tests.github.support import (
    APP_ID,
    BOT,
    FINDING_ID,
    HEAD,
    MARIA,
    OTHER_RUN_ID,
    REF,
    RUN_ID,
    give_installation,
    pull,
    request,
)

REVIEWS = "/repositories/77/pulls/12/reviews"
CHECKS = "/repositories/77/check-runs"
WAITING = CheckText(title="Reviewing", summary="…")
DONE = CheckText(title="No problems found", summary="all read", conclusion="success")
ONE_PENDING = httpx.Response(
    422,
    json={"message": "Unprocessable Entity", "errors": ["User can only have one pending review per pull request"]},
)
NOT_IN_DIFF = httpx.Response(
    422,
    json={"message": "Unprocessable Entity", "errors": ["Pull request review thread line must be part of the diff"]},
)


@pytest.fixture(autouse=True)
def installed(api: respx.MockRouter) -> None:
    give_installation(api)


def body_of(route: respx.Route, at: int = -1) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(request(route, at).content))


def inline(line: int, *, start: int | None = None, side: str = "new", path: str = "pay.py") -> InlineComment:
    return InlineComment(
        finding_id=FINDING_ID,
        path=path,
        side="new" if side == "new" else "old",
        start_line=start or line,
        line=line,
        body=f"text {finding_marker(FINDING_ID, RUN_ID)}",
    )


def draft(*comments: InlineComment) -> ReviewDraft:
    return ReviewDraft(run_id=RUN_ID, head_sha=HEAD, body=f"**1 high**\n\n{run_marker(RUN_ID)}", comments=comments)


def pending(review_id: int, run_id: str, user: JsonValue = BOT) -> JsonValue:
    return {"id": review_id, "state": "PENDING", "user": user, "body": f"text {run_marker(run_id)}"}


async def test_a_check_is_made_once_and_then_changed(api: respx.MockRouter, writer: GitHubWriter):
    made = api.post(CHECKS).respond(201, json={"id": 31})
    changed = api.patch(f"{CHECKS}/31").respond(json={"id": 31})
    check_id = await writer.ensure_check(REF, HEAD, RUN_ID, WAITING, None, look_first=False)
    assert await writer.ensure_check(REF, HEAD, RUN_ID, DONE, check_id, look_first=False) == "31"
    assert body_of(made) == {
        "name": "Corrigent",
        "head_sha": HEAD,
        "external_id": RUN_ID,
        "status": "in_progress",
        "output": {"title": "Reviewing", "summary": "…"},
        "actions": [],
    }
    assert body_of(changed)["conclusion"] == "success"
    assert body_of(changed)["status"] == "completed"


async def test_an_earlier_check_is_found_by_its_run(api: respx.MockRouter, writer: GitHubWriter):
    made = api.post(CHECKS).respond(201, json={"id": 99})
    listed = api.get(f"/repositories/77/commits/{HEAD}/check-runs").respond(
        json={
            "check_runs": [
                {"id": 1, "external_id": RUN_ID, "app": {"id": 1}},
                {"id": 2, "external_id": OTHER_RUN_ID, "app": {"id": APP_ID}},
                {"id": 3, "external_id": RUN_ID, "app": {"id": APP_ID}},
            ]
        }
    )
    changed = api.patch(f"{CHECKS}/3").respond(json={"id": 3})
    assert await writer.ensure_check(REF, HEAD, RUN_ID, DONE, None, look_first=True) == "3"
    assert listed.calls.last.request.url.params["app_id"] == str(APP_ID)
    assert changed.called
    assert not made.called


async def test_a_check_fits_whatever_its_text(api: respx.MockRouter, writer: GitHubWriter):
    made = api.post(CHECKS).respond(201, json={"id": 31})
    button = CheckButton(label="L" * 30, description="D" * 60, identifier="again")
    text = CheckText(
        title="T" * 400, summary="a line of the summary\n" * 5000, conclusion="neutral", buttons=(button,) * 5
    )
    await writer.ensure_check(REF, HEAD, RUN_ID, text, None, look_first=False)
    sent = body_of(made)
    assert len(sent["output"]["title"]) == 255
    assert 65_000 < len(sent["output"]["summary"]) <= 65_535
    assert "a line of the summary\n\n… cut here" in sent["output"]["summary"]
    assert [(len(one["label"]), len(one["description"])) for one in sent["actions"]] == [(20, 40)] * 3


async def test_a_review_is_written_unseen_then_shown(api: respx.MockRouter, writer: GitHubWriter):
    staged = api.post(REVIEWS).respond(json={"id": 51, "state": "PENDING"})
    shown = api.post(f"{REVIEWS}/51/events").respond(json={"id": 51, "state": "COMMENTED"})
    api.get(f"{REVIEWS}/51/comments").respond(
        json=[{"id": 61, "body": f"x {finding_marker(FINDING_ID, RUN_ID)}"}, {"id": 62, "body": "no mark"}]
    )
    review_id = await writer.stage_review(REF, draft(inline(9), inline(12, start=10, side="old")), look_first=False)
    threads = await writer.submit_review(REF, review_id)
    sent = body_of(staged)
    assert "event" not in sent
    assert sent["commit_id"] == HEAD
    assert [{key: one[key] for key in one if key not in {"body", "path"}} for one in sent["comments"]] == [
        {"line": 9, "side": "RIGHT"},
        {"line": 12, "side": "LEFT", "start_line": 10, "start_side": "LEFT"},
    ]
    assert body_of(shown) == {"event": "COMMENT"}
    assert [(one.finding_id, one.comment_id) for one in threads] == [(FINDING_ID, "61")]


async def test_a_pending_review_of_the_same_run_is_adopted(api: respx.MockRouter, writer: GitHubWriter):
    staged = api.post(REVIEWS).mock(return_value=ONE_PENDING)
    api.get(REVIEWS).respond(json=[pending(50, RUN_ID, MARIA), pending(51, RUN_ID)])
    assert await writer.stage_review(REF, draft(inline(9)), look_first=False) == "51"
    assert await writer.stage_review(REF, draft(inline(9)), look_first=True) == "51"
    assert staged.call_count == 1


async def test_a_left_over_of_another_run_makes_room(api: respx.MockRouter, writer: GitHubWriter):
    staged = api.post(REVIEWS).mock(side_effect=[ONE_PENDING, httpx.Response(200, json={"id": 52})])
    api.get(REVIEWS).respond(json=[pending(51, OTHER_RUN_ID)])
    removed = api.delete(f"{REVIEWS}/51").respond(json={"id": 51})
    assert await writer.stage_review(REF, draft(), look_first=False) == "52"
    assert removed.call_count == 1
    assert staged.call_count == 2


async def test_one_bad_place_does_not_cost_the_others(api: respx.MockRouter, writer: GitHubWriter):
    staged = api.post(REVIEWS).mock(side_effect=[NOT_IN_DIFF, httpx.Response(200, json={"id": 51})])
    patch = "@@ -5,3 +5,5 @@ def pay():\n context\n+new\n+new\n context\n context\n@@ -40 +42,0 @@\n-gone"
    api.get("/repositories/77/pulls/12/files").respond(
        json=[{"filename": "pay.py", "patch": patch}, {"filename": "b.bin"}]
    )
    comments = [
        inline(9),
        inline(10),
        inline(40, side="old"),
        inline(9, start=4),
        inline(1, path="b.bin"),
        inline(1, path="elsewhere.py"),
    ]
    await writer.stage_review(REF, draft(*comments), look_first=False)
    sent = body_of(staged)
    assert [(one["line"], one["side"]) for one in sent["comments"]] == [(9, "RIGHT"), (40, "LEFT")]
    assert "`pay.py:10`, `pay.py:9`, `b.bin:1`, `elsewhere.py:1`: see the check." in sent["body"]
    assert sent["body"].endswith(run_marker(RUN_ID))


async def test_a_review_is_posted_even_when_no_place_is_taken(api: respx.MockRouter, writer: GitHubWriter):
    staged = api.post(REVIEWS).mock(side_effect=[NOT_IN_DIFF, NOT_IN_DIFF, httpx.Response(200, json={"id": 51})])
    patch = "@@ -1,9 +1,9 @@"
    api.get("/repositories/77/pulls/12/files").respond(json=[{"filename": "pay.py", "patch": patch}])
    assert await writer.stage_review(REF, draft(inline(5), inline(50)), look_first=False) == "51"
    assert [len(body_of(staged, at)["comments"]) for at in range(3)] == [2, 1, 0]


async def test_a_head_that_was_pushed_away_is_said_so(api: respx.MockRouter, writer: GitHubWriter):
    refused = {"message": "Validation Failed", "errors": ["end_commit_oid is not part of the pull request"]}
    staged = api.post(REVIEWS).respond(422, json=refused)
    moved: JsonValue = {"ref": "refunds", "sha": "f" * 40, "repo": None}
    api.get("/repositories/77/pulls/12").respond(json=pull(head=moved))
    with pytest.raises(HeadMoved) as caught:
        await writer.stage_review(REF, draft(inline(9)), look_first=False)
    assert caught.value.head_sha == "f" * 40
    assert staged.call_count == 1


async def test_a_review_is_submitted_once(api: respx.MockRouter, writer: GitHubWriter):
    refused = {"message": "Validation Failed", "errors": ["Review has already been submitted."]}
    api.post(f"{REVIEWS}/51/events").respond(422, json=refused)
    read = api.get(f"{REVIEWS}/51").respond(json={"id": 51, "state": "COMMENTED"})
    api.get(f"{REVIEWS}/51/comments").respond(json=[{"id": 61, "body": finding_marker(FINDING_ID, RUN_ID)}])
    assert len(await writer.submit_review(REF, "51")) == 1
    read.respond(json={"id": 51, "state": "PENDING"})
    with pytest.raises(ForgeRefused):
        await writer.submit_review(REF, "51")


async def test_discarding_twice_is_discarding(api: respx.MockRouter, writer: GitHubWriter):
    removed = api.delete(f"{REVIEWS}/51").mock(side_effect=[httpx.Response(200, json={}), httpx.Response(404)])
    await writer.discard_review(REF, "51")
    await writer.discard_review(REF, "51")
    assert removed.call_count == 2


async def test_a_long_text_is_cut_and_keeps_its_mark(api: respx.MockRouter, writer: GitHubWriter):
    made = api.post("/repositories/77/issues/12/comments").respond(201, json={"id": 71})
    mark = run_marker(RUN_ID)
    await writer.comment(REF, "line\n" * 20_000 + mark, mark, None, look_first=False)
    sent = body_of(made)["body"]
    assert len(sent) <= 65_536
    assert sent.endswith(mark)


@pytest.mark.parametrize("root", [None, "400"])
async def test_an_earlier_answer_is_found_by_its_mark(api: respx.MockRouter, writer: GitHubWriter, root: str | None):
    mark = run_marker(RUN_ID)
    below, thread = "/repositories/77/issues/12/comments", "/repositories/77/pulls/12/comments"
    entries: list[JsonValue] = [
        {"id": 1, "body": mark, "user": MARIA, "in_reply_to_id": 400},
        {"id": 2, "body": "no mark", "user": BOT, "in_reply_to_id": 400},
        {"id": 3, "body": f"text {mark}", "user": BOT, "in_reply_to_id": 400},
    ]
    api.get(below if root is None else thread).respond(json=entries)
    made = api.post(below if root is None else f"{thread}/400/replies").respond(201, json={"id": 9})
    reply_to = None if root is None else CommentRef(ref=REF, kind="thread", comment_id="401", root_comment_id=root)
    assert await writer.comment(REF, f"text {mark}", mark, reply_to, look_first=True) == "3"
    assert not made.called
    assert await writer.comment(REF, f"text {mark}", mark, reply_to, look_first=False) == "9"


async def test_a_left_over_does_not_block_answers(api: respx.MockRouter, writer: GitHubWriter):
    mark = run_marker(RUN_ID)
    reply_to = CommentRef(ref=REF, kind="thread", comment_id="400")
    made = api.post("/repositories/77/pulls/12/comments/400/replies").mock(
        side_effect=[ONE_PENDING, httpx.Response(201, json={"id": 9}), ONE_PENDING]
    )
    listed = api.get(REVIEWS).respond(json=[pending(51, OTHER_RUN_ID)])
    removed = api.delete(f"{REVIEWS}/51").respond(json={})
    assert await writer.comment(REF, mark, mark, reply_to, look_first=False) == "9"
    assert removed.called
    listed.respond(json=[])
    with pytest.raises(ForgeRefused):
        await writer.comment(REF, mark, mark, reply_to, look_first=False)
    assert made.call_count == 3


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("comment", "/repositories/77/issues/comments/8/reactions"),
        ("thread", "/repositories/77/pulls/comments/8/reactions"),
    ],
)
async def test_an_emoji_says_it_all(api: respx.MockRouter, writer: GitHubWriter, kind: str, path: str):
    made = api.post(path).respond(201, json={"id": 1})
    comment = CommentRef(ref=REF, kind="comment" if kind == "comment" else "thread", comment_id="8")
    await writer.react(comment, "eyes")
    await writer.react(comment, "done")
    await writer.react(comment, "confused")
    assert [body_of(made, at)["content"] for at in range(3)] == ["eyes", "+1", "confused"]
    made.respond(404)
    await writer.react(comment, "eyes")


async def test_a_reviews_own_text_gets_its_emoji_too(api: respx.MockRouter, writer: GitHubWriter):
    api.get(f"{REVIEWS}/8").respond(json={"id": 8, "node_id": "PRR_8", "state": "COMMENTED"})
    made = api.post("/graphql").respond(json={"data": {"addReaction": {"reaction": {"content": "EYES"}}}})
    await writer.react(CommentRef(ref=REF, kind="review", comment_id="8"), "eyes")
    await writer.react(CommentRef(ref=REF, kind="review", comment_id="8"), "done")
    assert [body_of(made, at)["variables"] for at in (0, 1)] == [
        {"subject": "PRR_8", "content": "EYES"},
        {"subject": "PRR_8", "content": "THUMBS_UP"},
    ]


def threads(count: int) -> list[Thread]:
    return [
        Thread(thread_id=f"T{at}", root_comment_id=str(at), finding_id=FINDING_ID, resolved=False)
        for at in range(count)
    ]


async def test_all_threads_are_resolved_in_one_request(api: respx.MockRouter, writer: GitHubWriter):
    asked = api.post("/graphql").respond(json={"data": {f"t{at}": {"thread": {"id": f"T{at}"}} for at in range(20)}})
    done = Thread(thread_id="T", root_comment_id="1", finding_id=FINDING_ID, resolved=True)
    await writer.resolve_threads(REF, [*threads(20), done], "Fixed in 9c2e1aa.")
    assert asked.call_count == 1
    assert len(body_of(asked)["variables"]) == 20
    await writer.resolve_threads(REF, [done], "")
    assert asked.call_count == 1


@pytest.mark.parametrize("whole", [True, False])
async def test_where_we_may_not_resolve_the_comment_says_it(api: respx.MockRouter, writer: GitHubWriter, whole: bool):
    forbidden = {"type": "FORBIDDEN", "message": "Resource not accessible by integration"}
    errors = [forbidden] if whole else [{**forbidden, "path": [f"t{at}"]} for at in range(9)]
    data = None if whole else {f"t{at}": None for at in range(9)}
    api.post("/graphql").respond(json={"data": data, "errors": errors})
    read = api.get(path__regex=r"/repositories/77/pulls/comments/\d").respond(json={"id": 1, "body": "**High** x"})
    noted = api.patch(path__regex=r"/repositories/77/pulls/comments/\d").respond(json={"id": 1})
    await writer.resolve_threads(REF, threads(9), "Fixed in 9c2e1aa.")
    assert noted.call_count == 5
    assert body_of(noted) == {"body": "Fixed in 9c2e1aa.\n\n**High** x"}
    read.respond(json={"id": 1, "body": "Fixed in 9c2e1aa.\n\n**High** x"})
    await writer.resolve_threads(REF, threads(9), "Fixed in 9c2e1aa.")
    assert noted.call_count == 5


async def test_a_thread_that_is_gone_needs_no_resolving(api: respx.MockRouter, writer: GitHubWriter):
    gone: JsonValue = [{"type": "NOT_FOUND", "path": ["t0"], "message": "Could not resolve to a node"}]
    asked = api.post("/graphql").respond(json={"data": {"t0": None}, "errors": gone})
    await writer.resolve_threads(REF, threads(1), "Fixed.")
    asked.respond(json={"data": None, "errors": [{"message": "Something went wrong while executing your query."}]})
    with pytest.raises(ForgeUnavailable):
        await writer.resolve_threads(REF, threads(1), "Fixed.")


MAY_SEND = {
    "POST /graphql",
    "POST /repositories/{repo}/check-runs",
    "PATCH /repositories/{repo}/check-runs/{check}",
    "POST /repositories/{repo}/pulls/{number}/reviews",
    "POST /repositories/{repo}/pulls/{number}/reviews/{review}/events",
    "DELETE /repositories/{repo}/pulls/{number}/reviews/{review}",
    "POST /repositories/{repo}/issues/{number}/comments",
    "POST /repositories/{repo}/pulls/{number}/comments/{comment}/replies",
    "PATCH /repositories/{repo}/pulls/comments/{comment}",
    "POST /repositories/{repo}/issues/comments/{comment}/reactions",
    "POST /repositories/{repo}/pulls/comments/{comment}/reactions",
}


def every_route() -> list[routes.Route]:
    return [value for value in vars(routes).values() if isinstance(value, routes.Route)]


async def test_the_poster_can_send_what_is_on_its_list_and_nothing_else(client: GitHubClient, auth: AppAuth):
    assert {str(route) for route in routes.WRITER_ROUTES if route.method != "GET"} == MAY_SEND
    assert all(route.method == "GET" or route.reads for route in routes.READER_ROUTES)
    tables: list[tuple[Calls, frozenset[routes.Route]]] = [
        (Calls(client, auth, "post", routes.WRITER_ROUTES), routes.WRITER_ROUTES),
        (Calls(client, auth, "read", routes.READER_ROUTES), routes.READER_ROUTES),
    ]
    for calls, allowed in tables:
        for route in every_route():
            if route not in allowed:
                with pytest.raises(RuntimeError, match="not among the routes"):
                    await calls.send(route, "77")


async def test_no_body_ever_approves(api: respx.MockRouter, writer: GitHubWriter):
    """Whatever is asked of the writer, the words for a verdict are never sent."""
    sent = api.route(method="POST", path__regex="^/repositories/").respond(201, json={"id": 1})
    api.get(path__regex="^/repositories/77/pulls").respond(json=[])
    await writer.stage_review(REF, draft(inline(9)), look_first=False)
    await writer.submit_review(REF, "1")
    bodies = [request(sent, at).content for at in range(sent.call_count)]
    assert len(bodies) == 2
    assert not any(word in body for body in bodies for word in (b"APPROVE", b"REQUEST_CHANGES"))
