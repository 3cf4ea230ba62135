"""Who hears of what: every installation that covers a repository, subscribed and with the permission for it."""

from app.forges.fake.entities import App, CheckRun, Installation, Repository, User
from app.forges.fake.flavours import fitted
from app.forges.fake.shapes.checks import check_run, check_suite
from app.forges.fake.shapes.people import installation as installation_shape
from app.forges.fake.shapes.people import simple_user
from app.forges.fake.shapes.repositories import repository
from app.forges.fake.state import FakeGitHub, node_id

Json = dict[str, object]

# Subscribing needs a permission; comments on pull requests come with Issues.
_NEEDS = {
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "pull_request_review_thread": "pull_requests",
    "issue_comment": "issues",
    "push": "contents",
    "check_run": "checks",
    "check_suite": "checks",
    "merge_group": "merge_queues",
}


def announce(github: FakeGitHub, repo: Repository, event: str, sender: User, payload: Json) -> None:
    """Send an event about a repository to every App that asked for it."""
    for installation in github.installations_of(repo):
        need = _NEEDS.get(event)
        allowed = need is None or installation.permissions.get(need, "none") != "none"
        if event in installation.events and allowed and installation.suspended_at is None:
            deliver(github, installation, event, sender, payload, repo=repo)


def announce_check(github: FakeGitHub, run: CheckRun, action: str, sender: User, extra: Json | None = None) -> None:
    """Events of a check go to its own App unasked."""
    payload: Json = {
        "action": action,
        "check_run": {**check_run(github, run), "check_suite": check_suite(github, run.repo, run.suite)},
        **(extra or {}),
    }
    owner = github.installation_on(run.suite.app, run.repo)
    if owner is not None and owner.suspended_at is None:
        deliver(github, owner, "check_run", sender, payload, repo=run.repo)


def deliver(
    github: FakeGitHub,
    installation: Installation,
    event: str,
    sender: User,
    payload: Json,
    *,
    repo: Repository | None,
) -> None:
    """Send an event to one installation."""
    body: Json = {**payload, "sender": simple_user(github, sender)}
    if repo is not None:
        body["repository"] = repository(github, repo)
    if installation.account.kind == "Organization":
        body["organization"] = _organization(github, installation.account)
    if "installation" not in body:
        number = installation.installation_id
        body["installation"] = {"id": number, "node_id": node_id("I", number)}
    github.hooks.enqueue(
        installation.app,
        event,
        fitted(github.flavour, body),
        installation=installation,
        repository_id=repo.repo_id if repo else None,
    )


def announce_installation(
    github: FakeGitHub, installation: Installation, action: str, extra: Json, *, event: str = "installation"
) -> None:
    """Installation events always arrive."""
    payload: Json = {"action": action, "installation": installation_shape(github, installation), **extra}
    deliver(github, installation, event, installation.account, payload, repo=None)


def ping(github: FakeGitHub, app: App) -> None:
    """The first delivery of a new App."""
    hook: Json = {
        "type": "App",
        "id": app.app_id + 400_000_000,
        "name": "web",
        "active": True,
        "events": list(app.events),
        "app_id": app.app_id,
        "config": {"content_type": app.webhook_content_type, "insecure_ssl": "0", "url": app.webhook_url},
    }
    payload: Json = {"zen": "Keep it logically awesome.", "hook_id": app.app_id + 400_000_000, "hook": hook}
    github.hooks.enqueue(app, "ping", payload, installation=None, repository_id=None)


def _organization(github: FakeGitHub, account: User) -> Json:
    url = f"{github.api_url}/orgs/{account.login}"
    links = ("repos", "events", "hooks", "issues")
    return {
        "login": account.login,
        "id": account.user_id,
        "node_id": node_id("O", account.user_id),
        "url": url,
        **{f"{name}_url": f"{url}/{name}" for name in links},
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{github.web_url}/avatars/u/{account.user_id}?v=4",
        "description": "",
    }
