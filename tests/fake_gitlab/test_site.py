"""The fake GitLab's projects, merge requests, statuses, tokens, limits and git, as GitLab answers."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.pull_request import Permission
from app.forges.fake.gitlab.call import Route
from app.forges.fake.gitlab.entities import Access
from app.forges.fake.gitlab.limits import LimitSettings
from app.forges.fake.gitlab.rest.registry import ROUTES
from app.forges.fake.gitlab.scenario import FakeGitLab
from tests.contracts.support import git
from tests.fake_gitlab.conftest import CHANGED, Site
from tests.harness.swagger import swagger

# Operations that the fake has and the part of the description that we have lacks, by what they end in.
NOT_DESCRIBED = (
    *("/user", "/users", "/users/*", "/groups/*", "/groups/*/projects", "/groups/*/hooks", "/groups/*/hooks/*"),
    *("/projects", "/notes", "/notes/*", "/discussions", "/discussions/*", "/merge", "/pipelines", "/self"),
    *("/protected_branches", "/protected_branches/*", "/events", "/resend", "/groups/*/access_tokens/self/rotate"),
    "/personal_access_tokens/self/rotate",
)


def test_every_endpoint_is_described_or_known_not_to_be() -> None:
    described = swagger()
    if described is None:
        pytest.skip("needs GitLab's description")

    def is_described(route: Route) -> bool:
        path = "/api/v4/" + "/".join("1" if part.startswith("{") else part for part in route.pattern)
        return described.operation(route.method, path) is not None

    missing = [
        "/" + "/".join("*" if one.startswith("{") else one for one in r.pattern) for r in ROUTES if not is_described(r)
    ]
    assert [path for path in missing if not path.endswith(NOT_DESCRIBED)] == []


async def test_a_merge_request_has_no_diff_before_it_is_prepared(site: Site) -> None:
    site.fake.gitlab.unprepared_reads = 2
    await site.merge_request.push({"pay.py": CHANGED + "more\n"})
    reads = [(await site.http.get(site.mr)).json() for _ in range(3)]
    assert [one["diff_refs"] is None for one in reads] == [True, True, False]
    assert [one["detailed_merge_status"] for one in reads] == ["preparing", "preparing", "mergeable"]
    versions = (await site.http.get(f"{site.mr}/versions")).json()
    assert (len(versions), versions[0]["head_commit_sha"]) == (2, site.merge_request.head_sha)


async def test_diffs_and_refs_are_those_of_git(site: Site) -> None:
    (changed,) = (await site.http.get(f"{site.mr}/diffs")).json()
    assert (changed["new_path"], changed["renamed_file"]) == ("pay.py", False)
    assert changed["diff"].startswith("@@ -2,7 +2,7 @@")
    raw = await site.http.get(f"{site.mr}/raw_diffs")
    assert raw.text.startswith("diff --git a/pay.py b/pay.py")
    refs = (await site.http.get(site.mr)).json()["diff_refs"]
    await site.project.commit({"NEWS.md": "news\n"})
    await site.merge_request.push({"pay.py": CHANGED + "more\n"})
    later = (await site.http.get(site.mr)).json()["diff_refs"]
    # The target went on: where it is now differs from where the branch left it.
    assert later["base_sha"] == refs["base_sha"]
    assert later["start_sha"] == await site.project.git.resolve("main") != refs["start_sha"]


async def test_lists_come_in_pages(site: Site) -> None:
    for number in range(5):
        site.merge_request.comment(f"Note {number}")
    first = await site.http.get(f"{site.mr}/notes", params={"per_page": 2, "sort": "asc"})
    assert [one["body"] for one in first.json()] == ["Note 0", "Note 1"]
    assert (first.headers["x-total"], first.headers["x-next-page"]) == ("5", "2")
    second = await site.http.get(first.links["next"]["url"])
    assert [one["body"] for one in second.json()] == ["Note 2", "Note 3"]


async def test_lists_of_projects_come_by_id(site: Site) -> None:
    for name in ("one", "two", "three"):
        made = await site.fake.create_repo(f"acme/{name}", files={"a": "1\n"})
        made.set_role("corrigent", Permission.WRITE)
    await site.fake.create_repo("other/private", files={"a": "1\n"})
    wanted = {"membership": "true", "pagination": "keyset", "order_by": "id", "per_page": "3"}
    first = await site.http.get("/projects", params=wanted)
    rest = await site.http.get(first.links["next"]["url"])
    names = [one["path_with_namespace"] for one in [*first.json(), *rest.json()]]
    assert names == ["acme/backend/shop", "acme/one", "acme/two", "acme/three"]
    assert "next" not in rest.links


async def test_a_project_is_reached_by_its_old_and_new_names(site: Site) -> None:
    site.project.rename("store")
    site.project.transfer("sales")
    for name in ("acme%2Fbackend%2Fshop", "sales%2Fstore", site.project.repo_id):
        assert (await site.http.get(f"/projects/{name}")).json()["path_with_namespace"] == "sales/store"
    await site.fake.create_repo("acme/backend/shop", files={"a": "1\n"})
    assert (await site.http.get("/projects/acme%2Fbackend%2Fshop")).status_code == 404


ROLES = [
    (Access.NONE, [404, 404, 404]),
    (Access.GUEST, [404, 403, 403]),
    (Access.REPORTER, [201, 403, 403]),
    (Access.DEVELOPER, [201, 201, 403]),
    (Access.MAINTAINER, [201, 201, 201]),
]


@pytest.mark.parametrize(("role", "answers"), ROLES)
async def test_roles_allow_what_they_allow(site: Site, role: Access, answers: list[int]) -> None:
    site.project.set_role("sam", role)
    head = site.merge_request.head_sha
    async with site.client(site.fake.personal_token("sam")) as sam:
        noted = await sam.post(f"{site.mr}/notes", json={"body": "Hello"})
        told = await sam.post(f"{site.at}/statuses/{head}", json={"state": "running"})
        hooked = await sam.post(f"{site.at}/hooks", json={"url": "http://127.0.0.1:9/"})
    assert [noted.status_code, told.status_code, hooked.status_code] == answers


async def test_tokens_have_scopes_an_end_and_a_successor(site: Site) -> None:
    reading = site.fake.personal_token("maria", scopes=["read_api"])
    async with site.client(reading) as maria:
        assert (await maria.get(site.mr)).status_code == 200
        refused = await maria.post(f"{site.mr}/notes", json={"body": "Hello"})
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    fresh = (await site.http.post(f"{site.at}/access_tokens/self/rotate", json={})).json()
    assert (await site.http.get("/user")).json()["error"] == "invalid_token"
    async with site.client(fresh["token"]) as bot:
        assert (await bot.get("/user")).json()["bot"] is True
        # The old one is used again: it, or the new one, is in strange hands.
        await site.http.post(f"{site.at}/access_tokens/self/rotate", json={})
        assert (await bot.get("/user")).status_code == 401


async def test_a_token_ends_on_its_day(site: Site) -> None:
    site.fake.advance(timedelta(days=91))
    answer = await site.http.get("/user")
    assert (answer.status_code, "expired" in answer.json()["error_description"]) == (401, True)


async def test_statuses_live_in_pipelines(site: Site) -> None:
    head, name = site.merge_request.head_sha, "corrigent"

    async def tell(state: str, **more: object) -> tuple[int, object]:
        answer = await site.http.post(f"{site.at}/statuses/{head}", json={"state": state, "name": name, **more})
        return answer.status_code, answer.json().get("pipeline_id", answer.json().get("message"))

    _, alone = await tell("running")
    assert (await tell("running"))[0] == 400
    assert (await tell("success")) == (201, alone)
    own = site.merge_request.start_pipeline("running")
    # A finished status is not changed: the next is a new one, in the newest pipeline.
    assert (await tell("failed", description="1 high")) == (201, own.pipeline_id)
    assert [(one.state, one.pipeline.source) for one in site.merge_request.checks] == [("failed", "push")]
    listed = (await site.http.get(f"{site.at}/repository/commits/{head}/statuses", params={"all": "true"})).json()
    assert [one["status"] for one in listed] == ["success", "failed"]


async def test_a_fork_s_commit_is_on_no_branch_of_the_target(site: Site) -> None:
    fork = await site.project.fork("sam")
    made = await site.project.open_pull_request(changes={"a.py": "1\n"}, from_fork=fork, author="sam")
    answer = await site.http.post(f"{site.at}/statuses/{made.head_sha}", json={"state": "failed"})
    assert (answer.status_code, answer.json()["message"]) == (404, "404 References for commit Not Found")
    answer = await site.http.post(f"/projects/{fork.repo_id}/statuses/{made.head_sha}", json={"state": "failed"})
    assert answer.status_code == 404
    fork.set_role("corrigent", Permission.WRITE)
    answer = await site.http.post(f"/projects/{fork.repo_id}/statuses/{made.head_sha}", json={"state": "failed"})
    assert answer.status_code == 201
    assert [one.state for one in made.checks] == ["failed"]


async def test_requests_and_notes_are_throttled(site: Site) -> None:
    site.fake.set_limits(LimitSettings(per_minute=4, notes_per_minute=1))
    statuses = [(await site.http.post(f"{site.mr}/notes", json={"body": "Hello"})).status_code for _ in range(2)]
    assert statuses == [201, 429]
    await site.http.get("/user")
    assert (await site.http.get("/user")).headers["ratelimit-remaining"] == "0"
    refused = await site.http.get("/user")
    assert (refused.status_code, refused.text) == (429, "Retry later\n")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert site.fake.limit_refusals == 2
    site.fake.advance(timedelta(seconds=61))
    assert (await site.http.get("/user")).status_code == 200


async def test_merging_asks_for_what_gitlab_asks(site: Site) -> None:
    site.project.project.only_allow_merge_if_pipeline_succeeds = True
    assert (await site.http.put(f"{site.mr}/merge")).status_code == 405
    # An external green status alone satisfies the rule: why we never set one alone.
    await site.http.post(f"{site.at}/statuses/{site.merge_request.head_sha}", json={"state": "success"})
    assert (await site.http.put(f"{site.mr}/merge", json={"sha": "0" * 40})).status_code == 409
    assert (await site.http.put(f"{site.mr}/merge")).json()["state"] == "merged"


async def test_git_clones_and_pushes_with_a_token(site: Site, tmp_path: Path) -> None:
    url, branch = site.project.clone_url, site.merge_request.item.source_branch
    assert (await git("clone", "-q", url, "x", folder=tmp_path))[0] == 128
    assert (await git("clone", "-q", "-b", branch, url, "shop", folder=tmp_path, token=site.bot.token))[0] == 0
    shop = tmp_path / "shop"
    (shop / "pay.py").write_text(CHANGED + "mended\n")
    await git("commit", "-qam", "Mended", folder=shop)
    assert (await git("push", "-q", "origin", f"HEAD:{branch}", folder=shop, token=site.bot.token))[0] == 0
    _, head = await git("rev-parse", "HEAD", folder=shop)
    assert site.merge_request.head_sha == head.strip()
    assert site.fake.deliveries[-1].payload["object_attributes"] is not None
    site.project.protect(branch)
    await git("commit", "-q", "--allow-empty", "-m", "More", folder=shop)
    code, said = await git("push", "origin", f"HEAD:{branch}", folder=shop, token=site.bot.token)
    assert (code, "protected branches" in said) == (1, True)
    reading = site.fake.personal_token("maria", scopes=["read_repository"])
    assert (await git("push", "origin", "HEAD:next", folder=shop, token=reading))[0] != 0


async def test_members_push_to_a_fork_only_where_its_author_lets_them(site: Site, tmp_path: Path) -> None:
    fork = await site.project.fork("sam")
    made = await site.project.open_pull_request(
        changes={"a.py": "1\n"}, from_fork=fork, author="sam", branch="theirs", maintainer_can_modify=True
    )
    clone = ("clone", "-q", "-b", "theirs", fork.clone_url, "fork")
    assert (await git(*clone, folder=tmp_path, token=site.bot.token))[0] == 0
    folder = tmp_path / "fork"
    await git("commit", "-q", "--allow-empty", "-m", "Mended", folder=folder)
    assert (await git("push", "-q", "origin", "HEAD:theirs", folder=folder, token=site.bot.token))[0] == 0
    assert (await git("push", "-q", "origin", "HEAD:other", folder=folder, token=site.bot.token))[0] == 1
    made.item.allow_collaboration = False
    assert (await git("push", "-q", "origin", "HEAD:theirs", folder=folder, token=site.bot.token))[0] == 128


async def test_a_moved_project_is_followed_by_git(site: Site, tmp_path: Path) -> None:
    old = site.project.clone_url
    site.project.rename("store")
    code, heads = await git("ls-remote", old, "refs/heads/main", folder=tmp_path, token=site.bot.token)
    assert (code, "refs/heads/main" in heads) == (0, True)


async def test_below_a_prefix_every_address_has_it() -> None:
    async with FakeGitLab.start(prefix="/git") as fake:
        project = await fake.create_repo("acme/shop")
        made = await project.open_pull_request(changes={"a.py": "1\n"})
        assert fake.api_url.endswith("/git/api/v4")
        assert made.url.startswith(f"{fake.url}/acme/shop/-/merge_requests/")
