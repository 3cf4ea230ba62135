"""The fake GitHub behaves as GitHub does: reviews, threads, comments, checks, pull requests over REST."""

import pytest

from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import AppCredentials, FakeForge
from tests.contracts.support import CHANGED, FILE, client, errors, installation


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    return await forge.create_repo("acme/shop", files={"shop.py": FILE, "docs/a b#c.md": "one\n", "old.txt": "x\ny\n"})


@pytest.fixture
async def app(forge: FakeForge, repo: FakeRepo) -> AppCredentials:
    return await forge.install_app()


@pytest.fixture
async def pull(repo: FakeRepo, app: AppCredentials) -> FakePullRequest:
    return await repo.open_pull_request(
        title="Change two lines", body="Because.", branch="feature", changes={"shop.py": CHANGED, "old.txt": None}
    )


def reviews_of(pull: FakePullRequest) -> str:
    return f"/repositories/{pull.pull.repo.repo_id}/pulls/{pull.number}/reviews"


def repo_of(pull: FakePullRequest) -> str:
    return f"/repos/{pull.pull.repo.full_name}"


def on_line(line: int, **more: object) -> dict[str, object]:
    return {"path": "shop.py", "line": line, "side": "RIGHT", "body": "Look here.", **more}


async def test_a_review_is_staged_submitted_once_and_never_deleted(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    async with installation(forge, app) as http:
        staged = await http.post(reviews_of(pull), json={"body": "Two things.", "comments": [on_line(5), on_line(30)]})
        assert (staged.status_code, staged.json()["state"]) == (200, "PENDING")
        assert pull.reviews == []
        assert pull.threads == []
        second = await http.post(reviews_of(pull), json={"body": "Again.", "event": "COMMENT"})
        assert (second.status_code, errors(second)) == (422, ["User can only have one pending review per pull request"])

        one = f"{reviews_of(pull)}/{staged.json()['id']}"
        assert (await http.get(f"{repo_of(pull)}/pulls/1/comments")).json() == []
        assert len((await http.get(f"{one}/comments")).json()) == 2
        submitted = await http.post(f"{one}/events", json={"event": "COMMENT"})
        assert (submitted.json()["state"], submitted.json()["commit_id"]) == ("COMMENTED", pull.head_sha)
        again = await http.post(f"{one}/events", json={"event": "COMMENT"})
        assert again.status_code == 422
        deleted = await http.delete(one)
        assert (deleted.status_code, errors(deleted)) == (422, ["Can not delete a non-pending pull request review"])
        edited = await http.put(one, json={"body": "Two things, mended."})
        assert edited.json()["body"] == "Two things, mended."
    assert len(pull.reviews) == 1
    assert [thread.anchor.line for thread in pull.threads] == [5, 30]


async def test_a_pending_review_is_seen_by_its_author_alone_and_can_be_taken_back(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    async with installation(forge, app) as http, client(forge, forge.personal_token("maria")) as maria:
        staged = await http.post(reviews_of(pull), json={"body": "Soon.", "comments": [on_line(5)]})
        one = f"{reviews_of(pull)}/{staged.json()['id']}"
        assert len((await http.get(reviews_of(pull))).json()) == 1
        assert (await maria.get(reviews_of(pull))).json() == []
        assert (await maria.get(one)).status_code == 404
        assert (await http.delete(one)).status_code == 200
        assert (await http.get(one)).status_code == 404
    assert pull.pull.threads == []


PLACES = [
    ("a changed line", on_line(5), None),
    ("context above", on_line(2), None),
    ("context below", on_line(8), None),
    ("old side", on_line(5, side="LEFT"), None),
    ("a removed file's old side", {"path": "old.txt", "line": 1, "side": "LEFT", "body": "x"}, None),
    ("several lines", on_line(7, start_line=4, start_side="RIGHT"), None),
    ("by position", {"path": "shop.py", "position": 5, "body": "x"}, None),
    ("outside the hunks", on_line(15), "line must be part of the diff"),
    ("beyond the file", on_line(4000), "line must be part of the diff"),
    ("new side of a removed file", {"path": "old.txt", "line": 1, "body": "x"}, "line must be part of the diff"),
    ("no line at all", {"path": "shop.py", "body": "x"}, "line must be part of the diff"),
    ("another file", {"path": "docs/a b#c.md", "line": 1, "body": "x"}, "path is invalid"),
    ("start in another hunk", on_line(30, start_line=5), "start line must be part of the same hunk as the line."),
    ("start after the end", on_line(5, start_line=7), "start line must precede the end line."),
]


@pytest.mark.parametrize(("comment", "refused"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES])
async def test_comments_stand_in_the_diff_or_the_whole_review_is_refused(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest, comment: dict[str, object], refused: str | None
) -> None:
    async with installation(forge, app) as http:
        answer = await http.post(
            reviews_of(pull), json={"body": "b", "event": "COMMENT", "comments": [on_line(30), comment]}
        )
    if refused is None:
        assert answer.status_code == 200
        assert len(pull.threads) == 2
    else:
        assert (answer.status_code, answer.json()["message"]) == (422, "Unprocessable Entity")
        assert refused in errors(answer)[0]
        assert pull.pull.reviews == []
        assert pull.pull.threads == []


async def test_a_review_of_an_older_commit_is_taken_and_of_a_thrown_away_one_is_not(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    first = pull.head_sha
    await pull.push({"other.txt": "1\n"})
    async with installation(forge, app) as http:
        old = await http.post(reviews_of(pull), json={"body": "b", "event": "COMMENT", "commit_id": first})
        assert (old.status_code, old.json()["commit_id"]) == (200, first)
        await pull.force_push({"shop.py": CHANGED})
        gone = await http.post(reviews_of(pull), json={"body": "b", "event": "COMMENT", "commit_id": first})
        assert gone.status_code == 422
        assert "oid is not part of the pull request" in errors(gone)[0]


async def test_lines_move_with_pushes_and_are_lost_when_changed(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    first = pull.head_sha
    async with installation(forge, app) as http:
        review = {"body": "b", "event": "COMMENT", "comments": [on_line(5), on_line(30), on_line(7, start_line=4)]}
        await http.post(reviews_of(pull), json=review)
        await pull.push({"shop.py": "a new first line\n" + CHANGED.replace("line thirty\n", "line 30, mended\n")})
        listed = (await http.get(f"{repo_of(pull)}/pulls/1/comments")).json()
    assert [(one["line"], one["start_line"], one["original_line"]) for one in listed] == [
        (6, None, 5),
        (None, None, 30),
        (8, 5, 7),
    ]
    assert [one["commit_id"] for one in listed] == [pull.head_sha, first, pull.head_sha]
    assert {one["original_commit_id"] for one in listed} == {first}
    assert listed[1]["position"] is None


async def test_replies_join_the_thread_and_wait_for_an_own_pending_review(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    thread = await pull.comment_on_line("shop.py", 5, "Why?")
    root = thread.comments[0].comment_id
    replies = f"{repo_of(pull)}/pulls/1/comments/{root}/replies"
    async with installation(forge, app) as http:
        made = await http.post(replies, json={"body": "Because."})
        assert (made.status_code, made.json()["in_reply_to_id"]) == (201, root)
        to_reply = await http.post(f"{repo_of(pull)}/pulls/1/comments/{made.json()['id']}/replies", json={"body": "x"})
        assert to_reply.status_code == 404
        await http.post(reviews_of(pull), json={"body": "pending"})
        refused = await http.post(replies, json={"body": "And more."})
        assert refused.status_code == 422
        assert errors(refused)[0]["message"] == "user_id can only have one pending review per pull request"
    assert [comment.body for comment in thread.comments] == ["Why?", "Because."]


async def test_a_bot_edits_and_deletes_its_own_words_only(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    theirs = pull.comment("Mine.")
    thread = await pull.comment_on_line("shop.py", 5, "Also mine.")
    async with installation(forge, app) as http:
        made = (await http.post(f"{repo_of(pull)}/issues/1/comments", json={"body": "Hello"})).json()
        assert made["user"]["login"] == "corrigent[bot]"
        assert made["user"]["type"] == "Bot"
        own = f"{repo_of(pull)}/issues/comments/{made['id']}"
        assert (await http.patch(own, json={"body": "Hello, all"})).json()["body"] == "Hello, all"
        for address in (
            f"{repo_of(pull)}/issues/comments/{theirs.comment_id}",
            f"{repo_of(pull)}/pulls/comments/{thread.comments[0].comment_id}",
        ):
            assert (await http.patch(address, json={"body": "no"})).status_code == 403
            assert (await http.delete(address)).status_code == 403
        assert (await http.delete(own)).status_code == 204
        assert (await http.get(own)).status_code == 404
    assert [comment.body for comment in pull.comments] == ["Mine."]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/issues/1/comments", {"body": "x" * 65_537}),
        ("/pulls/1/reviews", {"body": "x" * 65_537, "event": "COMMENT"}),
        ("/pulls/1/reviews", {"body": "x", "event": "COMMENT", "comments": [on_line(5, body="x" * 65_537)]}),
    ],
)
async def test_words_have_an_end(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest, path: str, body: dict[str, object]
) -> None:
    async with installation(forge, app) as http:
        answer = await http.post(repo_of(pull) + path, json=body)
    assert answer.status_code == 422
    assert "Body is too long (maximum is 65536 characters)" in answer.text


async def test_the_same_reaction_twice_is_one(forge: FakeForge, app: AppCredentials, pull: FakePullRequest) -> None:
    comment = pull.comment("/corrigent review")
    thread = await pull.comment_on_line("shop.py", 5, "Why?")
    async with installation(forge, app) as http:
        for address in (
            f"{repo_of(pull)}/issues/comments/{comment.comment_id}/reactions",
            f"{repo_of(pull)}/pulls/comments/{thread.comments[0].comment_id}/reactions",
            f"{repo_of(pull)}/issues/1/reactions",
        ):
            first, second = [await http.post(address, json={"content": "eyes"}) for _ in range(2)]
            assert (first.status_code, second.status_code) == (201, 200)
            assert first.json()["id"] == second.json()["id"]
            assert [one["content"] for one in (await http.get(address)).json()] == ["eyes"]
        wrong = await http.post(f"{repo_of(pull)}/issues/1/reactions", json={"content": "applause"})
        assert wrong.status_code == 422


BUTTON = {"label": "Review again", "description": "Everything once more", "identifier": "again"}
DONE = {"status": "completed", "conclusion": "neutral"}
BAD_CHECKS = [
    ("no conclusion", {"status": "completed"}),
    ("no summary", {**DONE, "output": {"title": "t"}}),
    ("long summary", {**DONE, "output": {"title": "t", "summary": "x" * 65_536}}),
    ("long text", {**DONE, "output": {"title": "t", "summary": "s", "text": "x" * 65_536}}),
    ("four buttons", {**DONE, "actions": [BUTTON] * 4}),
    ("long label", {**DONE, "actions": [{**BUTTON, "label": "x" * 21}]}),
    ("long description", {**DONE, "actions": [{**BUTTON, "description": "x" * 41}]}),
    ("long identifier", {**DONE, "actions": [{**BUTTON, "identifier": "x" * 21}]}),
    (
        "51 annotations",
        {
            **DONE,
            "output": {
                "title": "t",
                "summary": "s",
                "annotations": [
                    {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
                ]
                * 51,
            },
        },
    ),
    ("unknown conclusion", {"status": "completed", "conclusion": "green"}),
]


@pytest.mark.parametrize("wrong", [row[1] for row in BAD_CHECKS], ids=[row[0] for row in BAD_CHECKS])
async def test_checks_have_limits(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest, wrong: dict[str, object]
) -> None:
    checks = f"{repo_of(pull)}/check-runs"
    async with installation(forge, app) as http:
        refused = await http.post(checks, json={"name": "Corrigent", "head_sha": pull.head_sha, **wrong})
        assert refused.status_code == 422
        made = (await http.post(checks, json={"name": "Corrigent", "head_sha": pull.head_sha})).json()
        assert (await http.patch(f"{checks}/{made['id']}", json=wrong)).status_code == 422
    assert [run.status for run in pull.checks] == ["queued"]


async def test_a_check_from_first_sight_to_its_end(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    checks = f"{repo_of(pull)}/check-runs"
    async with installation(forge, app) as http:
        unknown = await http.post(checks, json={"name": "Corrigent", "head_sha": "1" * 40})
        assert unknown.status_code == 422
        body = {"name": "Corrigent", "head_sha": pull.head_sha, "status": "in_progress", "external_id": "run-1"}
        made = (await http.post(checks, json=body)).json()
        assert (made["status"], made["conclusion"], made["external_id"]) == ("in_progress", None, "run-1")
        note = {"path": "shop.py", "start_line": 5, "end_line": 5, "annotation_level": "warning", "message": "m"}
        output = {"title": "1 high", "summary": "Reviewed.", "annotations": [note]}
        ended = await http.patch(f"{checks}/{made['id']}", json={**DONE, "output": output, "actions": [BUTTON]})
        assert (ended.json()["status"], ended.json()["conclusion"]) == ("completed", "neutral")
        assert len((await http.get(f"{checks}/{made['id']}/annotations")).json()) == 1
        listed = await http.get(
            f"{repo_of(pull)}/commits/{pull.head_sha}/check-runs",
            params={"check_name": "Corrigent", "app_id": app.app_id},
        )
        assert [run["id"] for run in listed.json()["check_runs"]] == [made["id"]]
    assert "check Corrigent: neutral, 1 high" in pull.story()
    assert "[Review again]" in pull.story()


async def test_a_pull_request_in_all_its_forms(forge: FakeForge, app: AppCredentials, pull: FakePullRequest) -> None:
    address = f"{repo_of(pull)}/pulls/1"
    async with installation(forge, app) as http:
        first, second = [(await http.get(address)).json() for _ in range(2)]
        assert (first["mergeable"], second["mergeable"]) == (None, True)
        assert (first["commits"], first["additions"], first["deletions"], first["changed_files"]) == (1, 3, 4, 2)
        assert first["head"]["sha"] == pull.head_sha
        assert first["base"]["ref"] == "main"
        diff = await http.get(address, headers={"accept": "application/vnd.github.diff"})
        assert diff.text.startswith("diff --git a/old.txt b/old.txt")
        assert "+line thirty and a half" in diff.text
        files = (await http.get(f"{address}/files")).json()
        assert [(one["filename"], one["status"], one["changes"]) for one in files] == [
            ("old.txt", "removed", 2),
            ("shop.py", "modified", 5),
        ]
        assert files[1]["patch"].startswith("@@ -2,7 +2,7 @@ line 1\n")
        commits = (await http.get(f"{address}/commits")).json()
        assert [one["commit"]["message"] for one in commits] == ["Change two lines"]
        listed = await http.get(f"{repo_of(pull)}/pulls", params={"state": "open", "sort": "updated"})
        assert [one["number"] for one in listed.json()] == [1]


async def test_a_diff_that_is_too_large_is_406(forge: FakeForge, repo: FakeRepo, app: AppCredentials) -> None:
    many = await repo.open_pull_request(branch="many", changes={f"f{number}.txt": "x\n" for number in range(301)})
    long = await repo.open_pull_request(branch="long", changes={"long.txt": "x\n" * 20_001})
    async with installation(forge, app) as http:
        for pull, word in ((many, "files (300)"), (long, "lines (20000)")):
            answer = await http.get(
                f"{repo_of(pull)}/pulls/{pull.number}", headers={"accept": "application/vnd.github.diff"}
            )
            assert answer.status_code == 406
            assert word in answer.json()["message"]
            assert errors(answer)[0]["code"] == "too_large"
        pages = [
            await http.get(f"{repo_of(many)}/pulls/1/files", params={"per_page": 100, "page": at}) for at in (1, 4)
        ]
        assert [len(page.json()) for page in pages] == [100, 1]
        file = (await http.get(f"{repo_of(long)}/pulls/2/files")).json()[0]
        assert "patch" not in file
        assert file["additions"] == 20_001


async def test_lists_come_in_pages_that_link_to_each_other(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    for number in range(5):
        pull.comment(f"Comment {number}")
    seen: list[str] = []
    async with installation(forge, app) as http:
        page = await http.get(f"{repo_of(pull)}/issues/1/comments?per_page=2")
        seen += [one["body"] for one in page.json()]
        while "next" in page.links:
            assert page.links["next"]["url"].startswith(f"{forge.api_url}/repositories/{pull.pull.repo.repo_id}/")
            page = await http.get(page.links["next"]["url"])
            seen += [one["body"] for one in page.json()]
        assert page.links["first"]["url"].endswith("per_page=2&page=1")
    assert seen == [f"Comment {number}" for number in range(5)]


async def test_an_unchanged_answer_is_304_and_free(
    forge: FakeForge, app: AppCredentials, pull: FakePullRequest
) -> None:
    async with installation(forge, app) as http:
        address = f"{repo_of(pull)}/pulls/1/files"
        first = await http.get(address)
        second = await http.get(address, headers={"if-none-match": first.headers["etag"]})
        assert (second.status_code, second.content) == (304, b"")
        assert second.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"]
        await pull.push({"shop.py": FILE})
        third = await http.get(address, headers={"if-none-match": first.headers["etag"]})
        assert third.status_code == 200


async def test_a_fork_s_pull_request_survives_its_fork(forge: FakeForge, repo: FakeRepo, app: AppCredentials) -> None:
    fork = await repo.fork("sam")
    pull = await repo.open_pull_request(
        author="sam", branch="patch-1", changes={"shop.py": CHANGED}, from_fork=fork, maintainer_can_modify=True
    )
    async with installation(forge, app) as http:
        alive = (await http.get(f"{repo_of(pull)}/pulls/1")).json()
        assert alive["head"]["repo"]["fork"]
        assert alive["head"]["label"] == "sam:patch-1"
        assert alive["maintainer_can_modify"]
        compared = await http.get(f"{repo_of(pull)}/compare/main...sam:patch-1")
        assert [one["filename"] for one in compared.json()["files"]] == ["shop.py"]
        pull.delete_fork()
        dead = await http.get(f"{repo_of(pull)}/pulls/1")
        assert dead.json()["head"]["repo"] is None
        assert dead.json()["head"]["sha"] == pull.head_sha
        assert len((await http.get(f"{repo_of(pull)}/pulls/1/files")).json()) == 1
