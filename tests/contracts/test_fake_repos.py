"""The fake GitHub's files, commits, branches and comparisons: real git, in the API's shapes."""

import base64
from collections.abc import AsyncGenerator
from datetime import timedelta

import httpx
import pytest

from app.forges.fake.errors import Refusal
from app.forges.fake.git import GitError
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from tests.contracts.support import CHANGED, FILE, installation

SHOP = "/repos/acme/shop"


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    files = {"shop.py": FILE, "docs/a b#c.md": "one\n", "docs/two.md": "two\n"}
    repo = await forge.create_repo("acme/shop", files=files)
    await repo.open_pull_request(branch="maria/feature", changes={"shop.py": CHANGED})
    return repo


@pytest.fixture
async def http(forge: FakeForge, repo: FakeRepo) -> AsyncGenerator[httpx.AsyncClient]:
    app = await forge.install_app(permissions={**FIX_PERMISSIONS, "statuses": "write"})
    async with installation(forge, app) as http:
        yield http


async def test_a_file_is_read_at_a_ref_as_data_and_raw(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    raw = {"accept": "application/vnd.github.raw+json"}
    head = repo.pull_request(1).head_sha
    assert (await http.get(f"{SHOP}/contents/shop.py", headers=raw)).text == FILE
    assert (await http.get(f"{SHOP}/contents/shop.py", headers=raw, params={"ref": head})).text == CHANGED
    branch = {"ref": "maria/feature"}
    assert (await http.get(f"{SHOP}/contents/shop.py", headers=raw, params=branch)).text == CHANGED
    data = (await http.get(f"{SHOP}/contents/docs/a%20b%23c.md")).json()
    assert (data["path"], base64.b64decode(data["content"])) == ("docs/a b#c.md", b"one\n")
    folder = (await http.get(f"{SHOP}/contents/docs")).json()
    assert [(one["path"], one["type"]) for one in folder] == [("docs/a b#c.md", "file"), ("docs/two.md", "file")]


@pytest.mark.parametrize(
    ("path", "ref", "message"),
    [
        ("missing.py", "main", "Not Found"),
        ("shop.py", "nowhere", "No commit found for the ref nowhere"),
        ("shop.py", "--help", "No commit found for the ref --help"),
        ("shop.py", "../../../config", "No commit found for the ref ../../../config"),
        ("..%2F..%2Fconfig", "main", "Not Found"),
    ],
)
async def test_what_is_not_there_is_404(http: httpx.AsyncClient, path: str, ref: str, message: str) -> None:
    answer = await http.get(f"{SHOP}/contents/{path}", params={"ref": ref})
    assert (answer.status_code, answer.json()["message"]) == (404, message)


async def test_a_comparison_starts_at_the_merge_base(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    await repo.commit({"later.txt": "on main\n"})
    compared = (await http.get(f"{SHOP}/compare/main...maria/feature")).json()
    assert (compared["status"], compared["ahead_by"], compared["behind_by"]) == ("diverged", 1, 1)
    assert [one["filename"] for one in compared["files"]] == ["shop.py"]
    assert (await http.get(f"{SHOP}/compare/main...main")).json()["status"] == "identical"
    assert (await http.get(f"{SHOP}/compare/main...nowhere")).status_code == 404


async def test_branches_and_commits(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    repo.protect("main")
    main = (await http.get(f"{SHOP}/branches/main")).json()
    assert (main["name"], main["protected"]) == ("main", True)
    feature = (await http.get(f"{SHOP}/branches/maria/feature")).json()
    assert (feature["commit"]["sha"], feature["protected"]) == (repo.pull_request(1).head_sha, False)
    assert (await http.get(f"{SHOP}/branches/nowhere")).status_code == 404
    commit = (await http.get(f"{SHOP}/commits/{feature['commit']['sha']}")).json()
    assert (commit["stats"], commit["files"][0]["filename"]) == (
        {"additions": 3, "deletions": 2, "total": 5},
        "shop.py",
    )


async def test_a_commit_can_be_made_without_git(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    pull = repo.pull_request(1)
    git = f"{SHOP}/git"
    base = (await http.get(f"{git}/commits/{pull.head_sha}")).json()
    blob = (await http.post(f"{git}/blobs", json={"content": "eA==", "encoding": "base64"})).json()
    assert (await http.get(f"{git}/blobs/{blob['sha']}")).json()["content"] == "eA==\n"
    entries = [
        {"path": "blob.txt", "mode": "100644", "type": "blob", "sha": blob["sha"]},
        {"path": "sub/new.txt", "mode": "100755", "type": "blob", "content": "new\n"},
    ]
    tree = (await http.post(f"{git}/trees", json={"base_tree": base["tree"]["sha"], "tree": entries})).json()
    listed = (await http.get(f"{git}/trees/{tree['sha']}", params={"recursive": "1"})).json()
    assert {one["path"]: one["mode"] for one in listed["tree"]}["sub/new.txt"] == "100755"
    body = {"message": "Made", "tree": tree["sha"], "parents": [pull.head_sha]}
    made = (await http.post(f"{git}/commits", json=body)).json()
    moved = await http.patch(f"{git}/refs/heads/maria/feature", json={"sha": made["sha"]})
    assert moved.json()["object"]["sha"] == made["sha"] == pull.head_sha
    back = await http.patch(f"{git}/refs/heads/maria/feature", json={"sha": base["sha"]})
    assert (back.status_code, back.json()["message"]) == (422, "Update is not a fast forward")


async def test_refs_are_made_and_removed(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    head, git = repo.pull_request(1).head_sha, f"{SHOP}/git"
    assert (await http.post(f"{git}/refs", json={"ref": "refs/heads/x", "sha": head})).status_code == 201
    again = await http.post(f"{git}/refs", json={"ref": "refs/heads/x", "sha": head})
    assert (again.status_code, again.json()["message"]) == (422, "Reference already exists")
    assert (await http.get(f"{git}/ref/heads/x")).json()["object"]["sha"] == head
    assert (await http.delete(f"{git}/refs/heads/x")).status_code == 204
    assert (await http.get(f"{git}/ref/heads/x")).status_code == 404
    assert (await http.delete(f"{git}/refs/heads/maria/feature")).status_code == 204
    assert repo.pull_request(1).pull.state == "closed"


async def test_statuses_add_up(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    head = repo.pull_request(1).head_sha
    for state, context in (("success", "a"), ("pending", "b"), ("failure", "b")):
        await http.post(f"{SHOP}/statuses/{head}", json={"state": state, "context": context})
    combined = (await http.get(f"{SHOP}/commits/{head}/status")).json()
    assert (combined["state"], combined["total_count"]) == ("failure", 2)
    assert len((await http.get(f"{SHOP}/commits/{head}/statuses")).json()) == 3


async def test_a_pull_request_is_opened_and_changed_over_the_api(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    await repo.commit({"new.txt": "1\n"}, branch="corrigent/1-1")
    wanted = {"title": "Mend", "head": "corrigent/1-1", "base": "main", "body": "Mends 1."}
    made = await http.post(f"{SHOP}/pulls", json=wanted)
    assert (made.status_code, made.json()["number"], made.json()["user"]["login"]) == (201, 2, "corrigent[bot]")
    again = await http.post(f"{SHOP}/pulls", json=wanted)
    assert "A pull request already exists for acme:corrigent/1-1." in again.text
    empty = await http.post(f"{SHOP}/pulls", json={**wanted, "head": "main"})
    assert "No commits between main and main" in empty.text
    changed = await http.patch(f"{SHOP}/pulls/2", json={"title": "Mended", "state": "closed"})
    assert (changed.json()["title"], changed.json()["state"]) == ("Mended", "closed")
    labelled = await http.post(f"{SHOP}/issues/1/labels", json={"labels": ["no-corrigent"]})
    assert [one["name"] for one in labelled.json()] == ["no-corrigent"]


async def test_archived_and_locked_are_closed_to_writing(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    pull = repo.pull_request(1)
    pull.lock()
    locked = await http.post(f"{SHOP}/issues/1/comments", json={"body": "x"})
    assert (locked.status_code, locked.json()["message"]) == (403, "Unable to create comment because issue is locked.")
    repo.archive()
    archived = await http.post(f"{SHOP}/issues/1/reactions", json={"content": "eyes"})
    assert (archived.status_code, archived.json()["message"]) == (403, "Repository was archived so is read-only.")
    assert (await http.get(f"{SHOP}/pulls/1")).json()["locked"] is True


async def test_a_renamed_repository_is_found_by_its_id(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    repo.rename("store")
    assert (await http.get(f"/repositories/{repo.repo_id}")).json()["full_name"] == "acme/store"
    assert (await http.get(f"/repositories/{repo.repo_id}/pulls/1")).json()["number"] == 1
    assert (await http.get(SHOP)).status_code == 404
    repo.delete()
    assert (await http.get(f"/repositories/{repo.repo_id}/pulls/1")).status_code == 404


async def test_a_conflict_is_not_mergeable(repo: FakeRepo, http: httpx.AsyncClient) -> None:
    await repo.commit({"shop.py": FILE.replace("line 5", "another five")})
    states = [(await http.get(f"{SHOP}/pulls/1")).json()["mergeable_state"] for _ in range(2)]
    assert states == ["unknown", "dirty"]
    with pytest.raises(GitError):
        await repo.pull_request(1).rebase()
    with pytest.raises(Refusal, match="not mergeable"):
        await repo.pull_request(1).merge()


async def test_comments_since_a_moment(forge: FakeForge, repo: FakeRepo, http: httpx.AsyncClient) -> None:
    pull = repo.pull_request(1)
    old, thread = pull.comment("Old"), await pull.comment_on_line("shop.py", 5, "Old too")
    forge.advance(timedelta(minutes=10))
    moment = forge.github.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    pull.comment("New")
    pull.reply(thread, "New too")
    for path, body in (("issues/1/comments", "New"), ("pulls/1/comments", "New too")):
        listed = (await http.get(f"{SHOP}/{path}", params={"since": moment})).json()
        assert [one["body"] for one in listed] == [body]
    pull.edit_comment(old, "Old, edited")
    listed = (await http.get(f"{SHOP}/issues/1/comments", params={"since": moment})).json()
    assert [one["body"] for one in listed] == ["Old, edited", "New"]


async def test_a_visitor_sees_the_story(forge: FakeForge, repo: FakeRepo) -> None:
    repo.pull_request(1).comment("<script>")
    async with httpx.AsyncClient() as browser:
        page = await browser.get(repo.pull_request(1).url)
        assert "&lt;script&gt;" in page.text
        assert (await browser.get(f"{forge.url}/acme/shop/pull/9")).status_code == 404
