"""`/rules`: what each repository taught us, with its life, and the buttons that put a rule in force or out of it."""

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.domain.events import RuleDecided
from app.domain.pull_request import OPERATOR, PullRequestRef
from app.domain.rule_text import acceptance_text
from app.domain.rules import RuleState
from app.store.repositories import Repositories
from app.store.rules import KnownRule, Rules
from app.web.access import Viewer
from app.web.pages.missing import missing, refused
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.choosing import repositories_of
from app.web.pages.parts.lists import pull_request_path
from app.web.pages.parts.rendering import Templates

# How many rules does the page show?
_MOST = 500
# What waits for somebody stands first.
_ORDER: tuple[RuleState, ...] = ("proposed", "active", "disabled")


class ShownRule(NamedTuple):
    """A rule as a row."""

    known: KnownRule
    repository: str
    pull_request_path: str
    decided: str
    acceptance: str
    address: str


class RulesPage:
    def __init__(self, *, rules: Rules, repositories: Repositories, buttons: Buttons, templates: Templates) -> None:
        self._rules = rules
        self._repositories = repositories
        self._buttons = buttons
        self._templates = templates

    async def show(self, request: Request, viewer: Viewer) -> Response:
        choices = await repositories_of(self._repositories, viewer)
        repo = request.query_params.get("repo", "")
        names = {one.value: one.label for one in choices if repo in {"", one.value}}
        if repo and not names:
            return missing(self._templates)
        known = await self._rules.known([_pair(value) for value in names])
        known.sort(key=lambda one: _ORDER.index(one.rule.state))
        return self._templates.page(
            "rules.html",
            rules=[_shown(one, names[f"{one.connection}/{one.repo_id}"]) for one in known[:_MOST]],
            more=max(0, len(known) - _MOST),
            repositories=choices,
            repo=repo,
            form=self._buttons.form(request) if self._buttons.may_press(viewer) else None,
            asked=request.query_params.get("asked", "") == "yes",
        )

    async def press(self, request: Request, viewer: Viewer) -> Response:
        """`POST /rules/{connection}/{repo_id}/{number}/on` or `/off`, by way of the inbox like a command."""
        given = request.path_params
        connection, repo_id, number = given["connection"], given["repo_id"], given["number"]
        known = await self._rules.known([(connection, repo_id)]) if viewer.may_see(connection, repo_id) else []
        rule = next((one.rule for one in known if one.rule.number == number), None)
        if rule is None or given["way"] not in {"on", "off"}:
            return missing(self._templates)
        press = await self._buttons.pressed(request, viewer)
        if press is None:
            return refused(self._templates, title="Not decided", only="Only an operator decides about rules here")
        ref = PullRequestRef(connection=connection, repo_id=repo_id, number=rule.pull_request_number)
        decided = RuleDecided(ref=ref, rule=number, on=given["way"] == "on", by=OPERATOR)
        await self._buttons.put(decided, press=press)
        return RedirectResponse("/rules?asked=yes", 303)


def _shown(known: KnownRule, repository: str) -> ShownRule:
    rule, connection, repo_id = known.rule, known.connection, known.repo_id
    ref = PullRequestRef(connection=connection, repo_id=repo_id, number=rule.pull_request_number)
    return ShownRule(
        known=known,
        repository=repository,
        pull_request_path=pull_request_path(ref),
        decided=f"by {rule.decided_by}" if rule.decided_by else rule.decided_why,
        acceptance=acceptance_text(known.acceptance),
        address=f"/rules/{connection}/{repo_id}/{rule.number}",
    )


def _pair(value: str) -> tuple[str, str]:
    connection, _, repo_id = value.partition("/")
    return connection, repo_id
