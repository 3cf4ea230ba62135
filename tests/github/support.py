"""Parts for tests of the GitHub adapter: a connection, a limiter that remembers, answers in GitHub's shapes."""

from datetime import UTC, datetime, timedelta
from typing import cast

import httpx
import respx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import JsonValue, SecretStr
from typing_extensions import override

from app.domain.pull_request import PullRequestRef, Repo
from app.forges.base import Account, LimitNotice, Limits
from app.forges.github.app_key import AppKey
from app.forges.registry import Connection

API = "https://api.github.com"
APP_ID = 4711
SLUG = "acme-corrigent"
SECRET = "a webhook secret"
RUN_ID = "01K00000000000000000000RN1"
OTHER_RUN_ID = "01K00000000000000000000RN2"
FINDING_ID = "01K00000000000000000000FN1"
HEAD = "4be1d07" + "0" * 33
REF = PullRequestRef(connection="github", repo_id="77", number=12)
REPO = Repo(
    connection="github", repo_id="77", installation_id="5", full_name="acme/shop", default_branch="main", private=True
)
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
# Reading a key takes 60 ms: once is enough.
KEY = AppKey(PEM)
BOT: JsonValue = {"id": 900, "login": f"{SLUG}[bot]", "type": "Bot"}
MARIA: JsonValue = {"id": 11, "login": "maria", "type": "User"}
ALL_PERMISSIONS: dict[str, JsonValue] = {
    "metadata": "read",
    "contents": "write",
    "pull_requests": "write",
    "checks": "write",
    "issues": "read",
}


class RememberingLimits(Limits):
    """Lets every call through and keeps what it was asked and told."""

    def __init__(self) -> None:
        self.admitted: list[tuple[str, int, bool]] = []
        self.learnt: list[LimitNotice] = []

    @override
    async def admit(self, account: Account, *, points: int, creates_content: bool) -> None:
        self.admitted.append((account.installation_id, points, creates_content))

    @override
    async def learn(self, account: Account, notice: LimitNotice) -> None:
        self.learnt.append(notice)


def connection(**changes: object) -> Connection:
    """The App `acme-corrigent` on github.com."""
    usual = Connection(
        key="github",
        api_url=API,
        app_id=APP_ID,
        private_key=SecretStr(PEM),
        webhook_secrets=(SecretStr(SECRET),),
        slug=SLUG,
    )
    return usual.model_copy(update=changes)


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def give_installation(
    api: respx.MockRouter, permissions: dict[str, JsonValue] | None = None
) -> tuple[respx.Route, respx.Route]:
    """The App is installed on REPO: the routes that find the installation and mint its tokens (ghs_1, ghs_2, …)."""
    installation: JsonValue = {"id": 5, "account": {"login": "acme"}, "permissions": permissions or ALL_PERMISSIONS}
    found = api.get("/repositories/77/installation").respond(json=installation)
    tokens = iter(range(1, 1000))
    minted = api.post("/app/installations/5/access_tokens")
    minted.side_effect = lambda _: httpx.Response(  # pyright: ignore[reportUnknownLambdaType] - respx leaves it open
        201, json={"token": f"ghs_{next(tokens)}", "expires_at": in_an_hour()}
    )
    return found, minted


def pull(**changes: JsonValue) -> dict[str, JsonValue]:
    """A pull request as an older server describes it: nothing but what every version has."""
    repo: JsonValue = {"id": 77, "full_name": "acme/shop", "default_branch": "main", "private": True}
    usual: dict[str, JsonValue] = {
        "number": 12,
        "title": "Refund on webhook retry",
        "body": None,
        "user": MARIA,
        "state": "open",
        "labels": [{"name": "billing"}],
        "head": {"ref": "refunds", "sha": HEAD, "repo": repo},
        "base": {"ref": "main", "sha": "b" * 40, "repo": repo},
        "html_url": "https://github.com/acme/shop/pull/12",
        "merged_at": None,
        "created_at": "2026-11-21T08:00:00Z",
    }
    return usual | changes


def request(route: respx.Route, at: int = -1) -> httpx.Request:
    """What was sent to a route, the last time unless said otherwise."""
    return cast("httpx.Request", route.calls[at].request)  # respx leaves it untyped
