"""Runs that tests write into the store themselves."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from app.domain.findings import Finding
from app.domain.outcomes import Outcome, title
from app.domain.pull_request import Person, PullRequest, PullRequestRef, Repo
from app.domain.runs import Run
from app.store.findings import Seen
from app.wiring import Store
from tests.harness.changes import diff_of
from tests.texts.sample import Severity, finding, result

NOW = datetime.now(UTC).replace(microsecond=0)
REF = PullRequestRef(connection="github", repo_id="7", number=12)


async def see(
    store: Store,
    ref: PullRequestRef = REF,
    *,
    full_name: str = "acme/shop",
    name: str = "Refund on retry",
    login: str = "maria",
    url: str = "https://github.com/acme/shop/pull/12",
    state: Literal["open", "merged"] = "open",
) -> PullRequestRef:
    """A pull request that the store knows."""
    repo = Repo(
        connection=ref.connection,
        repo_id=ref.repo_id,
        installation_id="1",
        full_name=full_name,
        default_branch="main",
    )
    await store.repositories.ensure(repo)
    pull_request = PullRequest(
        ref=ref,
        repo=repo,
        title=name,
        body="",
        author=Person(user_id="5", login=login),
        state=state,
        head_sha="4be1d07" + "0" * 33,
        head_ref="retry",
        head_repo_id=ref.repo_id,
        base_ref="main",
        base_sha="b" * 40,
        head_git_ref="refs/pull/12/head",
        url=url,
        created_at=NOW,
    )
    await store.pull_requests.see(pull_request)
    return ref


async def begin(store: Store, ref: PullRequestRef = REF, *, head_sha: str = "4be1d07" + "0" * 33, ago: int = 60) -> Run:
    opened = await store.runs.open(
        ref=ref,
        head_sha=head_sha,
        merge_base_sha="c" * 40,
        base_ref="main",
        base_sha="b" * 40,
        request="auto",
        patch_id="",
        config_fingerprint="",
        now=NOW - timedelta(seconds=ago),
    )
    return opened.run


async def end(store: Store, run: Run, outcome: Outcome, said: str, *, result_key: str = "") -> None:
    await store.runs.complete(run.run_id, outcome=outcome, title=said, result_key=result_key, now=NOW)


async def review(store: Store, found: Finding, files: Mapping[str, str]) -> Run:
    """A whole run with one finding over new files."""
    run = await begin(store)
    tracked = await store.findings.track(
        run.ref, run.run_id, run.head_sha, [Seen(finding=found, keys=("k",), known_id=None)], NOW
    )
    told = result(run_id=run.run_id, ref=run.ref, open=tuple(tracked), held_back=(), to_post=())
    keys = [await store.blobs.put_model(diff_of({}, files)), await store.blobs.put_model(told)]
    await store.runs.set_keys(run.run_id, diff_key=keys[0])
    await end(store, run, told.verdict.outcome, title(told.verdict), result_key=keys[1])
    return run


def found_at(path: str, line: int, **changes: object) -> Finding:
    return finding("It fails", Severity.HIGH, path, line).model_copy(update=changes)
