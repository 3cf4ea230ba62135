"""The fake GitHub knows who asks and what they may: Apps, installations, tokens, people, manifests."""

import base64
import json
import time
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.domain.pull_request import Permission
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import AppCredentials, FakeForge
from tests.contracts.support import app_token, client, installation, mint


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    return await forge.create_repo("acme/shop")


@pytest.fixture
async def app(forge: FakeForge, repo: FakeRepo) -> AppCredentials:
    return await forge.install_app()


# Claims, and those that are seconds from now.
BAD_CLAIMS: list[tuple[str, dict[str, object], dict[str, int], int, str]] = [
    ("expired", {}, {"exp": -10}, 401, "'exp'"),
    ("too far ahead", {}, {"exp": 3600}, 401, "too far in the future"),
    ("from the future", {}, {"iat": 600}, 401, "'iat'"),
    ("unknown app", {"iss": "999"}, {}, 404, "Integration not found"),
]


@pytest.mark.parametrize(
    ("claims", "from_now", "status", "message"), [row[1:] for row in BAD_CLAIMS], ids=[r[0] for r in BAD_CLAIMS]
)
async def test_bad_app_tokens_are_refused(
    forge: FakeForge,
    app: AppCredentials,
    claims: dict[str, object],
    from_now: dict[str, int],
    status: int,
    message: str,
) -> None:
    claims |= {name: int(time.time()) + seconds for name, seconds in from_now.items()}
    async with client(forge, app_token(app, **claims)) as http:
        answer = await http.get("/app")
    assert answer.status_code == status
    assert message in answer.json()["message"]


async def test_an_app_token_signed_by_another_key_is_refused(forge: FakeForge, app: AppCredentials) -> None:
    other = generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with client(forge, app_token(replace(app, private_key_pem=pem))) as http:
        answer = await http.get("/app")
    assert (answer.status_code, answer.json()["message"]) == (401, "A JSON web token could not be decoded")


async def test_an_app_knows_itself_and_its_installations(forge: FakeForge, repo: FakeRepo, app: AppCredentials) -> None:
    async with client(forge, app_token(app)) as http:
        me = (await http.get("/app")).json()
        assert (me["slug"], me["installations_count"]) == ("corrigent", 1)
        listed = (await http.get("/app/installations")).json()
        assert [one["id"] for one in listed] == [app.installation_id]
        assert (await http.get("/repos/acme/shop/installation")).json()["id"] == app.installation_id
        forge.uninstall(app.installation_id)
        assert (await http.get("/repos/acme/shop/installation")).status_code == 404
        assert (await http.get("/app/installations")).json() == []


async def test_a_token_is_long_for_an_hour_and_narrowed_as_asked(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials
) -> None:
    other = await forge.create_repo("acme/other")
    minted = (await mint(forge, app, repository_ids=[int(repo.repo_id)], permissions={"pull_requests": "read"})).json()
    assert minted["token"].startswith(f"ghs_{app.app_id}_")
    assert len(minted["token"]) > 500
    assert minted["expires_at"].endswith("Z")
    assert "." not in minted["expires_at"]
    assert minted["permissions"] == {"pull_requests": "read", "metadata": "read"}
    async with client(forge, minted["token"]) as http:
        assert (await http.get("/repos/acme/shop/pulls")).status_code == 200
        assert (await http.get("/repos/acme/shop/contents/README.md")).status_code == 403
        assert (await http.get(f"/repositories/{other.repo_id}/pulls")).status_code == 404
        listed = (await http.get("/installation/repositories")).json()
        assert [one["full_name"] for one in listed["repositories"]] == ["acme/shop"]
        forge.advance(timedelta(minutes=61))
        late = await http.get("/repos/acme/shop/pulls")
        assert (late.status_code, late.json()["message"]) == (401, "Bad credentials")


async def test_a_token_cannot_have_what_the_installation_has_not(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials
) -> None:
    private = await forge.create_repo("elsewhere/private")
    more = await mint(forge, app, permissions={"contents": "write"})
    assert more.status_code == 422
    assert more.json()["message"] == "The permissions requested are not granted to this installation."
    wider = await mint(forge, app, repository_ids=[int(private.repo_id)])
    assert wider.status_code == 422
    assert "does not exist or is not accessible to the parent installation" in wider.json()["message"]


async def test_a_revoked_token_and_a_suspended_installation_are_shut_out(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials
) -> None:
    async with installation(forge, app) as http:
        assert (await http.delete("/installation/token")).status_code == 204
        assert (await http.get("/repos/acme/shop")).status_code == 401
    async with installation(forge, app) as http:
        forge.suspend(app.installation_id)
        refused = await http.get("/repos/acme/shop")
        assert (refused.status_code, refused.json()["message"]) == (403, "This installation has been suspended")
        assert (await mint(forge, app)).status_code == 403


async def test_permissions_of_a_token_decide(forge: FakeForge, repo: FakeRepo, app: AppCredentials) -> None:
    pull = await repo.open_pull_request(changes={"a.txt": "1\n"})
    async with installation(forge, app, {"pull_requests": "read", "contents": "read"}) as http:
        refused = await http.post(f"/repositories/{repo.repo_id}/pulls/1/reviews", json={"body": "x"})
        assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
        assert refused.headers["x-accepted-github-permissions"] == "pull_requests=write"
        check = {"name": "Corrigent", "head_sha": pull.head_sha}
        assert (await http.post("/repos/acme/shop/check-runs", json=check)).status_code == 403
        assert (await http.get("/user")).status_code == 403


async def test_what_one_may_not_see_is_not_there(forge: FakeForge, repo: FakeRepo) -> None:
    public = await forge.create_repo("acme/open", private=False)
    stranger, reader = forge.personal_token("stranger"), forge.personal_token("reader")
    repo.set_role("reader", Permission.READ)
    for token, private_status, public_status in (("", 404, 200), (stranger, 404, 200), (reader, 200, 200)):
        async with client(forge, token) as http:
            assert (await http.get(f"/repos/{repo.full_name}")).status_code == private_status
            assert (await http.get(f"/repos/{public.full_name}")).status_code == public_status
    async with client(forge) as http:
        assert (await http.post("/repos/acme/open/issues/1/comments", json={"body": "x"})).status_code == 401
        assert (await http.get("/app")).status_code == 401
    async with client(forge, "ghp_wrong") as http:
        assert (await http.get("/repos/acme/open")).status_code == 401


ROLES = [
    (Permission.ADMIN, "admin"),
    (Permission.MAINTAIN, "write"),
    (Permission.WRITE, "write"),
    (Permission.TRIAGE, "read"),
    (Permission.READ, "read"),
    (Permission.NONE, "none"),
]


@pytest.mark.parametrize(("role", "word"), ROLES)
async def test_roles_as_old_and_new_words(
    forge: FakeForge, repo: FakeRepo, app: AppCredentials, role: Permission, word: str
) -> None:
    repo.set_role("sam", role)
    async with installation(forge, app) as http:
        answer = (await http.get("/repos/acme/shop/collaborators/sam/permission")).json()
        assert (answer["permission"], answer["role_name"]) == (word, role.value)
        assert (await http.get("/repos/acme/shop/collaborators/nobody/permission")).status_code == 404


async def test_a_person_signs_in_with_a_token_of_their_own(forge: FakeForge, repo: FakeRepo) -> None:
    pull = await repo.open_pull_request(changes={"a.txt": "1\n"})
    async with client(forge, forge.personal_token("maria")) as http:
        assert (await http.get("/user")).json()["login"] == "maria"
        assert (await http.get("/users/maria")).json()["type"] == "User"
        own = await http.post("/repos/acme/shop/pulls/1/reviews", json={"event": "APPROVE"})
        assert (own.status_code, own.json()["errors"]) == (422, ["Can not approve your own pull request"])
        said = await http.post("/repos/acme/shop/pulls/1/reviews", json={"event": "COMMENT", "body": "Hm."})
        assert said.json()["user"]["login"] == "maria"
        check = await http.post("/repos/acme/shop/check-runs", json={"name": "x", "head_sha": pull.head_sha})
        assert (check.status_code, check.json()["message"]) == (403, "You must authenticate via a GitHub App.")


async def test_an_app_is_born_from_a_manifest(forge: FakeForge, repo: FakeRepo) -> None:
    manifest = {
        "name": "Reviewer of acme",
        "url": "https://example.com",
        "hook_attributes": {"url": "http://127.0.0.1:9/hooks/github"},
        "redirect_url": "http://127.0.0.1:9/setup",
        "default_permissions": {"pull_requests": "write", "checks": "write"},
        "default_events": ["pull_request"],
    }
    async with httpx.AsyncClient(base_url=forge.url) as site:
        page = await site.get("/settings/apps/new")
        assert "<form method=post>" in page.text
        sent = await site.post("/settings/apps/new?state=abc", data={"manifest": json.dumps(manifest)})
        back = urlsplit(sent.headers["location"])
        query = parse_qs(back.query)
        assert (sent.status_code, back.path, query["state"]) == (302, "/setup", ["abc"])
    async with client(forge) as http:
        conversion = f"/app-manifests/{query['code'][0]}/conversions"
        born = (await http.post(conversion)).json()
        assert born["slug"] == "reviewer-of-acme"
        assert "BEGIN RSA PRIVATE KEY" in born["pem"]
        assert born["permissions"] == {"pull_requests": "write", "checks": "write", "metadata": "read"}
        assert (await http.post(conversion)).status_code == 404
    async with httpx.AsyncClient(base_url=forge.url) as site:
        done = await site.post("/apps/reviewer-of-acme/installations/new")
        assert "is installed" in done.text
    created = AppCredentials(born["id"], born["slug"], born["pem"], born["webhook_secret"], 0, forge.api_url)
    async with client(forge, app_token(created)) as http:
        installed = (await http.get("/app/installations")).json()
        assert [one["account"]["login"] for one in installed] == ["acme"]
        changed = await http.patch("/app/hook/config", json={"url": "http://127.0.0.1:9/new", "secret": "s"})
        assert changed.json()["url"] == "http://127.0.0.1:9/new"
        assert (await http.get("/app/hook/config")).json()["secret"] == "********"


async def test_basic_credentials_work_as_git_sends_them(forge: FakeForge, repo: FakeRepo, app: AppCredentials) -> None:
    token = (await mint(forge, app)).json()["token"]
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    async with httpx.AsyncClient(base_url=forge.api_url, headers={"authorization": f"Basic {secret}"}) as http:
        assert (await http.get("/repos/acme/shop")).status_code == 200
