"""Pull request endpoints: read as data, diff or patch; files and commits; create and change."""

from pydantic import BaseModel

from app.forges.fake.acts import pull_requests
from app.forges.fake.acts.anchors import diff_of
from app.forges.fake.acts.opening import NewPullRequest, open_pull_request
from app.forges.fake.commits import Commit
from app.forges.fake.diffs import DiffFile
from app.forges.fake.entities import PullRequest, Repository
from app.forges.fake.errors import Refusal, invalid
from app.forges.fake.http import Answer, Call, Routes
from app.forges.fake.rest.find import pull_of
from app.forges.fake.shapes.pulls import pull_request_simple
from app.forges.fake.shapes.repositories import changed_file
from app.forges.fake.shapes.repositories import commit as commit_shape
from app.forges.fake.state import FakeGitHub

routes = Routes()

# A pull request's diff is not shown beyond these.
DIFF_FILES, DIFF_LINES = 300, 20_000
# Lists of files and commits end here, however many there are.
LISTED_FILES, LISTED_COMMITS = 3_000, 250


class PullInput(BaseModel):
    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False
    maintainer_can_modify: bool = True


class PullChange(BaseModel):
    title: str | None = None
    body: str | None = None
    state: str | None = None
    base: str | None = None


@routes.on("GET /repos/{owner}/{repo}/pulls", needs="pull_requests:read")
async def list_pulls(call: Call) -> Answer:
    query = call.request.query
    state, head, base = query.get("state", "open"), query.get("head"), query.get("base")
    found = [
        pull
        for pull in call.repo.pulls.values()
        if state in ("all", pull.state)
        and (head is None or head == f"{pull.head_owner.login}:{pull.head_ref}")
        and (base is None or base == pull.base_ref)
    ]
    return call.page(_sorted(found, query), pull_request_simple)


@routes.on("POST /repos/{owner}/{repo}/pulls", needs="pull_requests:write", content=True)
async def create_pull(call: Call) -> Answer:
    wanted = call.read(PullInput)
    owner, _, ref = wanted.head.rpartition(":")
    opening = NewPullRequest(
        title=wanted.title,
        body=wanted.body,
        head_repo=_head_repository(call, owner),
        head_ref=ref,
        base_ref=wanted.base,
        draft=wanted.draft,
        maintainer_can_modify=wanted.maintainer_can_modify and bool(owner),
    )
    pull = await open_pull_request(call.github, call.repo, call.viewer.acting_user(), opening)
    return Answer(201, await pull_requests.describe(call.github, pull))


@routes.on("GET /repos/{owner}/{repo}/pulls/{number}", needs="pull_requests:read")
async def get_pull(call: Call) -> Answer:
    pull = pull_of(call)
    if "diff" in call.accept:
        return await _diff(pull)
    await pull_requests.check_mergeable(pull)
    return Answer(data=await pull_requests.describe(call.github, pull))


@routes.on("PATCH /repos/{owner}/{repo}/pulls/{number}", needs="pull_requests:write")
async def update_pull(call: Call) -> Answer:
    pull, wanted, user = pull_of(call), call.read(PullChange), call.viewer.acting_user()
    await pull_requests.edit(call.github, pull, user, title=wanted.title, body=wanted.body)
    if wanted.base is not None and wanted.base != pull.base_ref:
        await pull_requests.retarget(call.github, pull, wanted.base, user)
    if wanted.state == "closed" and pull.state == "open":
        await pull_requests.close(call.github, pull, user)
    if wanted.state == "open" and pull.state == "closed":
        await pull_requests.reopen(call.github, pull, user)
    return Answer(data=await pull_requests.describe(call.github, pull))


@routes.on("GET /repos/{owner}/{repo}/pulls/{number}/files", needs="pull_requests:read")
async def list_files(call: Call) -> Answer:
    pull = pull_of(call)
    diff = await diff_of(pull, pull.head_sha)

    def shape(github: FakeGitHub, item: DiffFile, /) -> dict[str, object]:
        return changed_file(github, pull.repo, pull.head_sha, item)

    return call.page(diff.files[:LISTED_FILES], shape)


@routes.on("GET /repos/{owner}/{repo}/pulls/{number}/commits", needs="pull_requests:read")
async def list_commits(call: Call) -> Answer:
    pull = pull_of(call)
    commits = await pull.repo.git.commits(pull.base_sha, pull.head_sha)

    def shape(github: FakeGitHub, item: Commit, /) -> dict[str, object]:
        return commit_shape(github, pull.repo, item)

    return call.page(commits[:LISTED_COMMITS], shape)


async def _diff(pull: PullRequest) -> Answer:
    diff = await diff_of(pull, pull.head_sha)
    for count, limit, noun in ((len(diff.files), DIFF_FILES, "files"), (diff.line_count, DIFF_LINES, "lines")):
        if count > limit:
            raise Refusal(
                406,
                f"Sorry, the diff exceeded the maximum number of {noun} ({limit}). Consider using "
                "'List pull requests files' API or locally cloning the repository instead.",
                errors=[{"resource": "PullRequest", "field": "diff", "code": "too_large"}],
                documentation_url="https://docs.github.com/rest/pulls/pulls#list-pull-requests-files",
            )
    return Answer(content=diff.text, headers={"content-type": "application/vnd.github.diff; charset=utf-8"})


def _sorted(pulls: list[PullRequest], query: dict[str, str]) -> list[PullRequest]:
    """Newest first unless asked otherwise."""
    by_update = query.get("sort") == "updated"
    ascending = query.get("direction", "asc" if "sort" in query and not by_update else "desc") == "asc"
    return sorted(
        pulls, key=lambda pull: (pull.updated_at if by_update else pull.created_at, pull.number), reverse=not ascending
    )


def _head_repository(call: Call, owner: str) -> Repository:
    if not owner or owner == call.repo.owner.login:
        return call.repo
    for repo in call.github.live_repositories():
        if repo.owner.login == owner and repo.fork_of is call.repo:
            return repo
    raise invalid("PullRequest", "head", code="invalid")
