"""The things that the store's tests store."""

from datetime import UTC, datetime, timedelta

from app.domain.actions import Action
from app.domain.findings import Category, Finding, Place, Severity
from app.domain.outcomes import Outcome
from app.domain.pull_request import Person, PullRequest, PullRequestRef, Repo
from app.domain.runs import OpenedRun, Run
from app.store.database import Database
from app.store.findings import Seen
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.runs import Runs

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REF = PullRequestRef(connection="github", repo_id="1001", number=12)
HEAD = "a" * 40


class StoppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


def repo_of(repo_id: str = "1001", *, connection: str = "github", installation_id: str = "7") -> Repo:
    return Repo(
        connection=connection,
        repo_id=repo_id,
        installation_id=installation_id,
        full_name=f"acme/shop-{repo_id}",
        default_branch="main",
    )


def pull_request_of(ref: PullRequestRef = REF, *, head_sha: str = HEAD, title: str = "Refund on retry") -> PullRequest:
    return PullRequest(
        ref=ref,
        repo=repo_of(ref.repo_id, connection=ref.connection),
        title=title,
        body="",
        author=Person(user_id="5", login="ada"),
        state="open",
        head_sha=head_sha,
        head_ref="retry",
        head_repo_id=ref.repo_id,
        base_ref="main",
        base_sha="b" * 40,
        head_git_ref=f"refs/pull/{ref.number}/head",
        url=f"https://github.com/acme/shop/pull/{ref.number}",
        created_at=NOW,
    )


async def seen_pull_request(db: Database, ref: PullRequestRef = REF, *, head_sha: str = HEAD) -> PullRequestRef:
    """A pull request that the store knows, with its repository."""
    await Repositories(db).ensure(repo_of(ref.repo_id, connection=ref.connection))
    await PullRequests(db).see(pull_request_of(ref, head_sha=head_sha))
    return ref


async def open_run(
    db: Database,
    *,
    ref: PullRequestRef = REF,
    head_sha: str = HEAD,
    request: str = "auto",
    patch_id: str = "patch-1",
    config_fingerprint: str = "config-1",
    now: datetime = NOW,
) -> OpenedRun:
    return await Runs(db).open(
        ref=ref,
        head_sha=head_sha,
        merge_base_sha="c" * 40,
        base_ref="main",
        base_sha="b" * 40,
        request=request,
        patch_id=patch_id,
        config_fingerprint=config_fingerprint,
        now=now,
    )


async def finished_run(
    db: Database,
    *,
    head_sha: str = HEAD,
    outcome: Outcome = Outcome.CLEAN,
    patch_id: str = "patch-1",
    now: datetime = NOW,
) -> Run:
    run = (await open_run(db, head_sha=head_sha, patch_id=patch_id, now=now)).run
    await Runs(db).complete(run.run_id, outcome=outcome, title="No findings", result_key="result-1", now=now)
    return run


async def a_run(db: Database, head_sha: str = HEAD, *, ref: PullRequestRef = REF) -> str:
    return (await open_run(db, ref=ref, head_sha=head_sha)).run.run_id


def seen_of(name: str, *, known_id: str | None = None, line: int = 3) -> Seen:
    finding = Finding(
        reviewer="ruff",
        rule="S608",
        category=Category.SECURITY,
        severity=Severity.HIGH,
        title=f"Query built from input in {name}",
        body="A caller can change the query.",
        place=Place(path=f"src/{name}.py", start_line=line, line=line),
        quote=f"run({name})",
    )
    return Seen(finding=finding, keys=(f"analyser:{name}", f"anchor:{name}"), known_id=known_id)


def action_of(key: str = "act-1", *, received_at: datetime = NOW) -> Action:
    return Action(
        action_key=key,
        ref=REF,
        word="dismiss",
        argument="1 \x00 known \ud800",
        number=1,
        actor=Person(user_id="5", login="ada"),
        source="comment",
        comment_id="99",
        received_at=received_at,
    )
