"""Parts for tests of the GitLab adapter: a connection, a limiter that remembers, answers in GitLab's shapes."""

import base64
from datetime import datetime

from pydantic import JsonValue, SecretStr
from typing_extensions import override

from app.domain.markers import finding_marker, run_marker
from app.domain.pull_request import PullRequestRef, Repo
from app.domain.review import InlineComment, ReviewDraft
from app.forges.base import Account, LimitNotice, Limits
from app.forges.registry import Connection

WEB = "https://gitlab.acme.example/git"
API = f"{WEB}/api/v4"
BOT_ID = 900
TOKEN = "glpat-not-a-real-token"
SECRET = "a webhook secret"
SIGNING_KEY = bytes(range(32))
SIGNING_TOKEN = "whsec_" + base64.b64encode(SIGNING_KEY).decode()
RUN_ID = "01K00000000000000000000RN1"
OTHER_RUN_ID = "01K00000000000000000000RN2"
FINDING_ID = "01K00000000000000000000FN1"
BASE = "a" * 40
START = "b" * 40
HEAD = "4be1d07" + "0" * 33
REF = PullRequestRef(connection="gitlab", repo_id="77", number=12)
REPO = Repo(
    connection="gitlab",
    repo_id="77",
    installation_id="",
    full_name="acme/backend/shop",
    default_branch="main",
    private=True,
)
BOT: JsonValue = {"id": BOT_ID, "username": "group_5_bot_3f", "bot": True}
MARIA: JsonValue = {"id": 11, "username": "maria"}
MERGE = "/projects/77/merge_requests/12"


class RememberingLimits(Limits):
    """Lets every call through and keeps what it was asked and told."""

    def __init__(self) -> None:
        self.admitted: list[bool] = []
        self.learnt: list[LimitNotice] = []

    @override
    async def admit(self, account: Account, *, points: int, creates_content: bool) -> None:
        self.admitted.append(creates_content)

    @override
    async def learn(self, account: Account, notice: LimitNotice) -> None:
        self.learnt.append(notice)


def connection(**changes: object) -> Connection:
    """A bot on a server of its own, below a path."""
    usual = Connection(
        key="gitlab",
        kind="gitlab",
        api_url=API,
        web_url=WEB,
        token=SecretStr(TOKEN),
        webhook_secrets=(SecretStr(SECRET),),
        user_id=BOT_ID,
        slug="group_5_bot_3f",
    )
    return usual.model_copy(update=changes)


def merge_request(**changes: JsonValue) -> dict[str, JsonValue]:
    """A merge request as every version shows it."""
    usual: dict[str, JsonValue] = {
        "iid": 12,
        "title": "Refund on webhook retry",
        "description": None,
        "author": MARIA,
        "state": "opened",
        "draft": False,
        "labels": ["backend"],
        "sha": HEAD,
        "source_branch": "refunds",
        "source_project_id": 77,
        "target_branch": "main",
        "target_project_id": 77,
        "diff_refs": {"base_sha": BASE, "start_sha": START, "head_sha": HEAD},
        "web_url": f"{WEB}/acme/backend/shop/-/merge_requests/12",
        "created_at": "2026-11-01T08:00:00.000Z",
    }
    return {**usual, **changes}


def project(**changes: JsonValue) -> dict[str, JsonValue]:
    usual: dict[str, JsonValue] = {
        "id": 77,
        "path_with_namespace": "acme/backend/shop",
        "default_branch": "main",
        "visibility": "private",
        "archived": False,
    }
    return {**usual, **changes}


def finding_id(number: int) -> str:
    return f"01K0000000000000000000{number:04d}"


def comment(number: int = 1, **changes: object) -> InlineComment:
    """Thread `number`, on an added line of billing.py."""
    usual = InlineComment(
        finding_id=finding_id(number), path="billing.py", side="new", start_line=2, line=2, body=f"Finding {number}."
    )
    return usual.model_copy(update=changes)


def draft(*comments: InlineComment, run_id: str = RUN_ID, body: str = "Two findings.") -> ReviewDraft:
    marked = tuple(
        one.model_copy(update={"body": f"{one.body}\n\n{finding_marker(one.finding_id, run_id)}"}) for one in comments
    )
    return ReviewDraft(run_id=run_id, head_sha=HEAD, body=f"{body}\n\n{run_marker(run_id)}", comments=marked)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
