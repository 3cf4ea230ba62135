"""Check suites: one per App and commit, asked for when commits arrive."""

from app.forges.fake.acts.events import deliver
from app.forges.fake.entities import App, CheckSuite, Repository, User
from app.forges.fake.shapes.checks import check_suite
from app.forges.fake.state import FakeGitHub


def suite_for(github: FakeGitHub, repo: Repository, app: App, head_sha: str) -> CheckSuite:
    """The App's suite on this commit, made when there is none."""
    for suite in repo.check_suites:
        if suite.app is app and suite.head_sha == head_sha:
            return suite
    suite = CheckSuite(github.new_id(), head_sha, app, github.clock.now())
    repo.check_suites.append(suite)
    return suite


def request_suites(github: FakeGitHub, repo: Repository, head_sha: str, sender: User) -> None:
    """Tell every App that writes checks about new commits; this arrives unasked."""
    for installation in github.installations_of(repo):
        if installation.permissions.get("checks") == "write" and installation.suspended_at is None:
            suite = suite_for(github, repo, installation.app, head_sha)
            tell_suite(github, repo, suite, "requested", sender)


def tell_suite(github: FakeGitHub, repo: Repository, suite: CheckSuite, action: str, sender: User) -> None:
    installation = github.installation_on(suite.app, repo)
    if installation is not None:
        payload: dict[str, object] = {"action": action, "check_suite": check_suite(github, repo, suite)}
        deliver(github, installation, "check_suite", sender, payload, repo=repo)
