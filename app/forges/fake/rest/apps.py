"""App endpoints: identity, installations, tokens, manifests, and the list of deliveries."""

import secrets
from typing import Literal
from urllib.parse import urlencode

from pydantic import BaseModel

from app.forges.fake.access import mint
from app.forges.fake.acts.installing import register_app
from app.forges.fake.clock import stamp
from app.forges.fake.entities import Installation, Level
from app.forges.fake.errors import Refusal, not_found
from app.forges.fake.hooks import Delivery
from app.forges.fake.http import Answer, Call, Routes
from app.forges.fake.rest.find import app_of
from app.forges.fake.shapes import people
from app.forges.fake.shapes.deliveries import delivery, delivery_item
from app.forges.fake.shapes.repositories import repository

routes = Routes()


class TokenInput(BaseModel):
    repositories: list[str] | None = None
    repository_ids: list[int] | None = None
    permissions: dict[str, str] = {}


class HookInput(BaseModel):
    url: str | None = None
    secret: str | None = None
    content_type: Literal["json", "form"] | None = None
    insecure_ssl: str | int | None = None


class HookAttributes(BaseModel):
    url: str = ""
    active: bool = True


class Manifest(BaseModel):
    """What an App asks to be, as the form on the site posts it."""

    name: str = "Unnamed"
    url: str
    hook_attributes: HookAttributes = HookAttributes()
    redirect_url: str = ""
    setup_url: str = ""
    public: bool = False
    default_permissions: dict[str, Level] = {}
    default_events: list[str] = []


@routes.on("GET /app")
async def get_app(call: Call) -> Answer:
    return Answer(data=people.own_app(call.github, app_of(call)))


@routes.on("GET /app/installations")
async def list_installations(call: Call) -> Answer:
    app = app_of(call)
    found = [one for one in call.github.installations.values() if one.app is app and not one.deleted]
    return call.page(found, people.installation)


@routes.on("GET /app/installations/{installation_id}")
async def get_installation(call: Call) -> Answer:
    return Answer(data=people.installation(call.github, _installation(call)))


@routes.on("POST /app/installations/{installation_id}/access_tokens")
async def create_token(call: Call) -> Answer:
    installation, wanted = _installation(call), call.read(TokenInput)
    token = mint(
        call.github,
        installation,
        repository_ids=wanted.repository_ids,
        repository_names=wanted.repositories,
        permissions=wanted.permissions,
    )
    data: dict[str, object] = {
        "token": token.text,
        "expires_at": stamp(token.expires_at),
        "permissions": dict(token.permissions),
        "repository_selection": "all"
        if token.repository_ids is None and installation.repository_ids is None
        else "selected",
    }
    if token.repository_ids is not None:
        chosen = [call.github.repositories[number] for number in sorted(token.repository_ids)]
        data["repositories"] = [repository(call.github, repo) for repo in chosen]
    return Answer(201, data)


@routes.on("DELETE /installation/token")
async def revoke_token(call: Call) -> Answer:
    if call.viewer.token is None or call.viewer.installation is None:
        raise Refusal(401, "Requires authentication")
    call.viewer.token.revoked = True
    return Answer(204)


@routes.on("GET /installation/repositories")
async def list_repositories(call: Call) -> Answer:
    token, installation = call.viewer.token, call.viewer.installation
    if token is None or installation is None:
        raise Refusal(403, "Resource not accessible by integration")
    found = [repo for repo in call.github.repositories_of(installation) if call.viewer.reaches(repo)]
    selection = "all" if installation.repository_ids is None else "selected"
    return call.page(
        found,
        repository,
        wrap=lambda page: {"total_count": len(found), "repository_selection": selection, "repositories": page},
    )


@routes.on("GET /repos/{owner}/{repo}/installation")
async def get_repository_installation(call: Call) -> Answer:
    installation = call.github.installation_on(app_of(call), call.repo)
    if installation is None:
        raise not_found()
    return Answer(data=people.installation(call.github, installation))


@routes.on("POST /app-manifests/{code}/conversions")
async def convert_manifest(call: Call) -> Answer:
    """A code works once."""
    kept = call.github.manifests.pop(call.params["code"], None)
    if kept is None:
        raise not_found()
    manifest = Manifest.model_validate(kept)
    secret = secrets.token_hex(20)
    app, private_key = await register_app(
        call.github,
        name=manifest.name,
        owner=call.github.user("fake-admin"),
        permissions=manifest.default_permissions,
        events=manifest.default_events,
        webhook_url=manifest.hook_attributes.url if manifest.hook_attributes.active else "",
        webhook_secret=secret,
    )
    shown = people.app(call.github, app)
    keys = {"client_secret": secrets.token_hex(20), "webhook_secret": secret, "pem": private_key}
    return Answer(201, {**shown, "client_id": app.client_id, **keys})


@routes.on("GET /app/hook/config")
async def get_hook_config(call: Call) -> Answer:
    app = app_of(call)
    masked = "********" if app.webhook_secret else ""
    config = {"content_type": app.webhook_content_type, "insecure_ssl": "0", "secret": masked, "url": app.webhook_url}
    return Answer(data=config)


@routes.on("PATCH /app/hook/config")
async def update_hook_config(call: Call) -> Answer:
    app, wanted = app_of(call), call.read(HookInput)
    app.webhook_url = wanted.url or app.webhook_url
    app.webhook_secret = wanted.secret or app.webhook_secret
    app.webhook_content_type = wanted.content_type or app.webhook_content_type
    return await get_hook_config(call)


@routes.on("GET /app/hook/deliveries")
async def list_deliveries(call: Call) -> Answer:
    """Newest first; the cursor is the id of the first delivery of the next page."""
    # What is under way still is in no list: an entry says how it was answered.
    found = [one for one in reversed(call.github.hooks.deliveries) if one.app is app_of(call) and one.delivered_at]
    query, size = call.request.query, call.page_size
    cursor = query.get("cursor")
    if cursor is not None:
        positions = [position for position, one in enumerate(found) if str(one.delivery_id) == cursor]
        if not positions:
            raise Refusal(422, "Invalid cursor")
        found = found[positions[0] :]
    headers: dict[str, str] = {}
    if len(found) > size:
        after = urlencode({**query, "cursor": found[size].delivery_id})
        headers["link"] = f'<{call.github.api_url}/app/hook/deliveries?{after}>; rel="next"'
    return Answer(data=[delivery_item(call.github, one) for one in found[:size]], headers=headers)


@routes.on("GET /app/hook/deliveries/{delivery_id}")
async def get_delivery(call: Call) -> Answer:
    return Answer(data=delivery(call.github, _delivery(call)))


@routes.on("POST /app/hook/deliveries/{delivery_id}/attempts")
async def redeliver(call: Call) -> Answer:
    call.github.hooks.redeliver(_delivery(call))
    return Answer(202, {})


def _installation(call: Call) -> Installation:
    app = app_of(call)
    found = call.github.installations.get(call.number("installation_id"))
    if found is None or found.app is not app or found.deleted:
        raise not_found()
    return found


def _delivery(call: Call) -> Delivery:
    app, wanted = app_of(call), call.number("delivery_id")
    for found in call.github.hooks.deliveries:
        if found.delivery_id == wanted and found.app is app:
            return found
    raise not_found()
