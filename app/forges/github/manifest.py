"""Making an App in the browser: the form that GitHub is sent, and what it gives back for the code it returns."""

from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlencode

from pydantic import Field, JsonValue

from app.domain.names import NAME
from app.forges.base import Account
from app.forges.github import routes
from app.forges.github.client import GitHubClient, Grant
from app.forges.github.models import AccountShape, Shape

# What an App may do and hear, with and without fixing: kept where operators look for it.
MANIFEST_FILE = Path(__file__).parents[3] / "deploy" / "github-app.json"
# Where deliveries go that can reach nobody. GitHub lists them all the same, which is what polling reads; the name can
# never belong to anyone (RFC 2606), so no code is shown to a stranger.
UNREACHABLE = "https://corrigent.invalid"


class AppPart(Shape):
    default_permissions: dict[str, str]
    default_events: tuple[str, ...]


class AppParts(Shape):
    """What every App has, and what is added by choice."""

    review: AppPart
    fix: AppPart
    merge_queue: AppPart

    def chosen(self, *, fixes: bool, merge_queue: bool) -> AppPart:
        parts = [self.review, *([self.fix] if fixes else []), *([self.merge_queue] if merge_queue else [])]
        permissions: dict[str, str] = {}
        for part in parts:
            permissions |= part.default_permissions
        events = [event for part in parts for event in part.default_events]
        return AppPart(default_permissions=permissions, default_events=tuple(events))


class NewApp(Shape):
    """A fresh App's identity and secrets; GitHub shows them once."""

    id: int
    slug: str
    html_url: str
    client_id: str = ""
    client_secret: str = Field(default="", repr=False)
    webhook_secret: str | None = Field(default=None, repr=False)
    pem: str = Field(repr=False)
    owner: AccountShape | None = None


@lru_cache(maxsize=1)
def app_parts() -> AppParts:
    return AppParts.model_validate_json(MANIFEST_FILE.read_bytes())


def app_manifest(
    part: AppPart, *, name: str, connection: str, redirect_url: str, public_url: str = "", homepage: str
) -> dict[str, JsonValue]:
    """The manifest to send. The hook is active without a public address, too: polling reads the list of deliveries."""
    permissions: dict[str, JsonValue] = dict(part.default_permissions)
    return {
        "name": name,
        "url": homepage,
        "description": f"{NAME} reviews every pull request.",
        "public": False,
        "redirect_url": redirect_url,
        "hook_attributes": {
            "url": f"{(public_url or UNREACHABLE).rstrip('/')}/hooks/{quote(connection)}",
            "active": True,
        },
        "default_permissions": permissions,
        "default_events": list(part.default_events),
    }


def creation_url(web_url: str, state: str, organisation: str = "") -> str:
    """Where the form with the manifest is posted; `state` comes back with the code."""
    owner = f"organizations/{quote(organisation, safe='')}/" if organisation else ""
    return f"{web_url.rstrip('/')}/{owner}settings/apps/new?{urlencode({'state': state})}"


async def convert_code(client: GitHubClient, code: str) -> NewApp:
    """The App that was made, for the code of one hour's life. Asked as nobody: the App cannot sign anything yet."""
    nobody = Grant(Account(connection=client.connection.key, installation_id=""))
    return (await client.send(nobody, routes.CONVERT_MANIFEST, code=code)).read(NewApp)
