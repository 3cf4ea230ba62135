"""Check runs and commit statuses."""

from typing import Literal

from pydantic import BaseModel

from app.forges.fake.acts.checks import CheckInput, create_check, rerequest_check, update_check
from app.forges.fake.entities import App, CheckRun, CommitStatus
from app.forges.fake.errors import Refusal
from app.forges.fake.http import Answer, Call, Json, Routes
from app.forges.fake.rest.find import check_of
from app.forges.fake.shapes.checks import check_run, commit_status
from app.forges.fake.shapes.repositories import minimal_repository
from app.forges.fake.state import FakeGitHub

routes = Routes()

_CHECK = "/repos/{owner}/{repo}/check-runs/{check_run_id}"


class StatusInput(BaseModel):
    state: Literal["error", "failure", "pending", "success"]
    target_url: str | None = None
    description: str | None = None
    context: str = "default"


@routes.on("POST /repos/{owner}/{repo}/check-runs", needs="checks:write")
async def create(call: Call) -> Answer:
    run = await create_check(call.github, call.repo, _app(call), call.read(CheckInput))
    return Answer(201, check_run(call.github, run))


@routes.on(f"GET {_CHECK}", needs="checks:read")
async def get(call: Call) -> Answer:
    return Answer(data=check_run(call.github, check_of(call)))


@routes.on(f"PATCH {_CHECK}", needs="checks:write")
async def update(call: Call) -> Answer:
    run = check_of(call)
    if run.suite.app is not _app(call):
        raise Refusal(403, "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.")
    update_check(call.github, run, call.read(CheckInput))
    return Answer(data=check_run(call.github, run))


@routes.on(f"GET {_CHECK}/annotations", needs="checks:read")
async def list_annotations(call: Call) -> Answer:
    run = check_of(call)

    def shape(github: FakeGitHub, item: dict[str, object], /) -> Json:
        return {**item, "blob_href": f"{github.web_url}/{run.repo.full_name}/blob/{run.head_sha}/{item['path']}"}

    return call.page(run.annotations, shape)


@routes.on(f"POST {_CHECK}/rerequest", needs="checks:write")
async def rerequest(call: Call) -> Answer:
    rerequest_check(call.github, check_of(call), call.viewer.acting_user())
    return Answer(201, {})


@routes.on("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", needs="checks:read")
async def list_for_ref(call: Call) -> Answer:
    sha = await call.repo.git.resolve(call.params["ref"])
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {call.params['ref']}")
    found = [run for run in call.repo.check_runs.values() if run.head_sha == sha and _matches(run, call.request.query)]
    if call.request.query.get("filter", "latest") == "latest":
        found = list({(run.suite.suite_id, run.name): run for run in found}.values())
    newest_first = sorted(found, key=lambda run: run.check_id, reverse=True)
    return call.page(newest_first, check_run, wrap=lambda page: {"total_count": len(newest_first), "check_runs": page})


@routes.on("POST /repos/{owner}/{repo}/statuses/{sha}", needs="statuses:write")
async def create_status(call: Call) -> Answer:
    wanted, sha = call.read(StatusInput), await call.repo.git.resolve(call.params["sha"])
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {call.params['sha']}")
    made = CommitStatus(
        status_id=call.github.new_id(),
        sha=sha,
        creator=call.viewer.acting_user(),
        state=wanted.state,
        context=wanted.context,
        description=wanted.description,
        target_url=wanted.target_url,
        created_at=call.github.clock.now(),
    )
    call.repo.statuses.append(made)
    return Answer(201, commit_status(call.github, made))


@routes.on("GET /repos/{owner}/{repo}/commits/{ref}/statuses", needs="statuses:read")
async def list_statuses(call: Call) -> Answer:
    return call.page(await _statuses(call), commit_status)


@routes.on("GET /repos/{owner}/{repo}/commits/{ref}/status", needs="statuses:read")
async def combined_status(call: Call) -> Answer:
    found = await _statuses(call)
    latest = list({one.context: one for one in reversed(found)}.values())
    states = {one.state for one in latest}
    state = (
        "failure" if states & {"error", "failure"} else "pending" if not states or "pending" in states else "success"
    )
    sha = await call.repo.git.resolve(call.params["ref"])
    url = f"{call.github.api_url}/repos/{call.repo.full_name}/commits/{sha}"
    data = {
        "state": state,
        "sha": sha,
        "total_count": len(latest),
        "statuses": [commit_status(call.github, one) for one in latest],
        "repository": minimal_repository(call.github, call.repo),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(data=data)


async def _statuses(call: Call) -> list[CommitStatus]:
    sha = await call.repo.git.resolve(call.params["ref"])
    return [one for one in reversed(call.repo.statuses) if one.sha == sha]


def _app(call: Call) -> App:
    if call.viewer.installation is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    return call.viewer.installation.app


def _matches(run: CheckRun, query: dict[str, str]) -> bool:
    app_id, name, status = query.get("app_id"), query.get("check_name"), query.get("status")
    return (
        (app_id is None or app_id == str(run.suite.app.app_id))
        and (name is None or name == run.name)
        and (status is None or status == run.status)
    )
