"""Making an App: it asks for what it needs, and never for what it must not have."""

import json

import pytest
import respx

from app.domain.errors import Gone
from app.forges.github.client import GitHubClient
from app.forges.github.manifest import app_manifest, app_parts, convert_code, creation_url

NEVER = {"workflows", "administration", "secrets", "actions", "members", "environments", "deployments", "packages"}
REVIEW = {"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write", "issues": "read"}


def test_a_reviewing_app_cannot_write_code():
    part = app_parts().chosen(fixes=False, merge_queue=False)
    assert part.default_permissions == REVIEW
    assert "push" not in part.default_events
    assert set(part.default_events) == {
        "pull_request",
        "issue_comment",
        "pull_request_review",
        "pull_request_review_comment",
        "pull_request_review_thread",
    }


def test_more_is_a_choice_and_some_is_none():
    part = app_parts().chosen(fixes=True, merge_queue=True)
    assert part.default_permissions == {**REVIEW, "contents": "write", "merge_queues": "read"}
    assert "merge_group" in part.default_events
    assert not NEVER & set(part.default_permissions)


def test_a_manifest_without_a_public_address_sends_code_to_nobody():
    part = app_parts().chosen(fixes=False, merge_queue=False)
    manifest = app_manifest(
        part,
        name="acme-corrigent",
        connection="github",
        redirect_url="http://127.0.0.1:8377/x",
        homepage="https://x.org",
    )
    assert manifest["hook_attributes"] == {"url": "https://corrigent.invalid/hooks/github", "active": True}
    assert manifest["public"] is False
    json.dumps(manifest)
    public = app_manifest(
        part, name="a", connection="github", redirect_url="http://x", homepage="x", public_url="https://bot.acme.com/"
    )
    assert public["hook_attributes"] == {"url": "https://bot.acme.com/hooks/github", "active": True}


def test_where_the_browser_goes():
    assert creation_url("https://github.com", "s 1") == "https://github.com/settings/apps/new?state=s+1"
    assert (
        creation_url("https://ghe.acme.com/", "s", "acme")
        == "https://ghe.acme.com/organizations/acme/settings/apps/new?state=s"
    )


async def test_the_code_becomes_an_app_and_is_asked_for_as_nobody(api: respx.MockRouter, client: GitHubClient):
    made = api.post("/app-manifests/c0de/conversions").respond(
        201,
        json={
            "id": 1,
            "slug": "acme-corrigent",
            "html_url": "https://github.com/apps/acme-corrigent",
            "webhook_secret": "w",
            "pem": "-----BEGIN",
            "owner": {"login": "acme"},
        },
    )
    app = await convert_code(client, "c0de")
    assert (app.id, app.slug, app.pem) == (1, "acme-corrigent", "-----BEGIN")
    assert "authorization" not in made.calls.last.request.headers
    assert "-----BEGIN" not in repr(app)
    made.respond(404)
    with pytest.raises(Gone):
        await convert_code(client, "c0de")
