"""The few pages of the site: register an App from a manifest, install it, look at a pull request."""

import html
import json
import secrets
from urllib.parse import parse_qsl, urlencode

from app.forges.fake.acts.installing import install
from app.forges.fake.errors import not_found
from app.forges.fake.exchange import Answer, Request
from app.forges.fake.state import FakeGitHub
from app.forges.fake.story import tell_story

_PAGE = "<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{body}"


def visit(github: FakeGitHub, request: Request) -> Answer | None:
    """The page at this address, if the site has one."""
    match request.path.strip("/").split("/"):
        case ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]:
            return _register(github, request)
        case ["apps", slug, "installations", "new"]:
            return _install(github, request, slug)
        case [owner, name, "pull", number]:
            return _pull_request(github, owner, name, number)
        case _:
            return None


def _register(github: FakeGitHub, request: Request) -> Answer:
    """The manifest comes as a form; the answer sends the browser back with a code for it."""
    if request.method != "POST":
        form = "<form method=post><textarea name=manifest></textarea><button>Create GitHub App</button></form>"
        return _page("Register new GitHub App", form)
    manifest = json.loads(dict(parse_qsl(request.body.decode())).get("manifest", "{}"))
    code = secrets.token_hex(20)
    github.manifests[code] = manifest
    query = {"code": code}
    if "state" in request.query:
        query["state"] = request.query["state"]
    return Answer(302, headers={"location": f"{manifest['redirect_url']}?{urlencode(query)}"})


def _install(github: FakeGitHub, request: Request, slug: str) -> Answer:
    """Install on every account that has repositories."""
    app = next((app for app in github.apps.values() if app.slug == slug), None)
    if app is None:
        raise not_found()
    if request.method != "POST":
        return _page(f"Install {app.name}", "<form method=post><button>Install</button></form>")
    accounts = {repo.owner.user_id: repo.owner for repo in github.live_repositories()}
    installed = {one.account.user_id for one in github.installations.values() if one.app is app and not one.deleted}
    for user_id, account in accounts.items():
        if user_id not in installed:
            install(github, app, account, None)
    return _page(f"{app.name} is installed", f"<p>{len(accounts)} accounts</p>")


def _pull_request(github: FakeGitHub, owner: str, name: str, number: str) -> Answer:
    repo = github.find_repository(owner, name)
    pull = repo.pulls.get(int(number)) if repo and number.isdecimal() else None
    if repo is None or pull is None:
        raise not_found()
    return _page(f"{repo.full_name} #{number}", f"<pre>{html.escape(tell_story(pull))}</pre>")


def _page(title: str, body: str) -> Answer:
    text = _PAGE.format(title=html.escape(title), body=body)
    return Answer(content=text.encode(), headers={"content-type": "text/html; charset=utf-8"})
