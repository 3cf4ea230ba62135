"""The pull request that the texts of the documentation are about, as the data our renderers get."""

from datetime import UTC, datetime, timedelta

from app.domain.coverage import Coverage, Reading
from app.domain.findings import (
    Category,
    Evidence,
    Finding,
    FindingState,
    HeldBack,
    Place,
    Severity,
    TrackedFinding,
)
from app.domain.outcomes import decide
from app.domain.phrases import Voice
from app.domain.pull_request import PullRequestRef
from app.domain.repo_config import ConfigInForce, RepoConfig
from app.domain.review import ReviewerUsage, ReviewResult

RUN_ID = "01JD5K3Q8W9XYZABCDEFGHJKMN"
HEAD = "4be1d07" + "0" * 33
MERGE_BASE = "77aa01c" + "0" * 33
REF = PullRequestRef(connection="github", repo_id="7", number=12)
STARTED = datetime(2026, 11, 3, 14, 0, tzinfo=UTC)
VOICE = Voice(mention="@corrigent", link_hosts=("github.com",))

REFUND = Finding(
    reviewer="bug_hunter",
    rule="correctness",
    category=Category.CORRECTNESS,
    severity=Severity.HIGH,
    title="A retried webhook pays the customer twice",
    body=(
        "`issue_refund()` runs before the event id is stored (line 94). If the process dies in between, the provider\n"
        "sends the event again and the refund is issued again."
    ),
    place=Place(path="billing/refunds.py", start_line=88, line=88),
    quote="    issue_refund(event.order)",
    symbol="handle_event",
    agent_prompt=(
        "In billing/refunds.py make issue_refund() idempotent per event id: store the id in the same transaction, "
        "before the\nprovider call. Show it with a test that delivers one event twice. "
        "Do not change the public signature."
    ),
    evidence=(
        Evidence(kind="test", text="a new test, `test_retry_refunds_once`, fails here with 2 refunds for 1 event"),
        Evidence(kind="passes", text="4 of 5 passes"),
    ),
)


def finding(title: str, severity: Severity, path: str, line: int, **changes: object) -> Finding:
    """A plain finding of the model's."""
    place = Place(path=path, start_line=line, line=line)
    base = REFUND.model_copy(
        update={"title": title, "severity": severity, "place": place, "body": "It fails.", "evidence": ()}
    )
    return base.model_copy(update=changes)


def tracked(number: int, found: Finding, state: FindingState = "open", first_seen_sha: str = HEAD) -> TrackedFinding:
    return TrackedFinding(
        finding_id=f"01JD5K3Q8W9XYZABCDEFGHJ{number:03d}",
        number=number,
        finding=found,
        state=state,
        first_seen_sha=first_seen_sha,
        keys=("key",),
        first_seen_at=STARTED,
    )


TIMEOUT = finding("Timeout in ms, the caller passes seconds", Severity.MEDIUM, "billing/client.py", 41)
CACHED = finding("A failed lookup is cached as a rate", Severity.MEDIUM, "fx/cache.py", 19)
OPEN = (tracked(1, REFUND), tracked(2, TIMEOUT), tracked(3, CACHED, first_seen_sha="81c0d2e" + "0" * 33))
HELD_BACK = (
    HeldBack(finding=tracked(4, finding("a", Severity.LOW, "a.py", 1)), reason="below comment_at: medium"),
    HeldBack(finding=tracked(5, finding("b", Severity.LOW, "b.py", 2)), reason="below comment_at: medium"),
    HeldBack(
        finding=tracked(6, finding("c", Severity.MEDIUM, "c.py", 3)),
        reason="refuted (value is checked in api/guard.py:30)",
    ),
    HeldBack(finding=tracked(7, finding("d", Severity.MEDIUM, "d.py", 4)), reason="already raised by maria"),
)


def coverage(
    files: int = 12,
    hunks_each: int = 4,
    *,
    unread: int = 0,
    reviewers: tuple[str, ...] = ("bug_hunter", "linters"),
    models: tuple[str, ...] = ("bug_hunter",),
    skipped: dict[str, str] | None = None,
) -> Coverage:
    """`files` files whose hunks every reviewer read, but for the last `unread` ones, which the first one did not."""
    paths = [f"src/file_{number:02d}.py" for number in range(files)]
    lost = set(paths[files - unread :])
    return Coverage(
        hunks={path: tuple(f"{path}#{hunk}" for hunk in range(hunks_each)) for path in paths},
        skipped=skipped or {},
        reviewers=reviewers,
        model_reviewers=models,
        readings=tuple(
            Reading(reviewer=reviewer, path=path, state="failed", reason="model answered with broken JSON, twice")
            if path in lost and reviewer == reviewers[0]
            else Reading(reviewer=reviewer, path=path, state="reviewed")
            for reviewer in reviewers
            for path in paths
        ),
    )


SKIPPED = {"package-lock.json": "lock file"} | {f"api/gen/client_{number:02d}.py": "generated" for number in range(14)}


def in_force(config: RepoConfig | None = None, **changes: object) -> ConfigInForce:
    base = ConfigInForce(
        config=config or RepoConfig(),
        origins={},
        read_at_sha="d" * 40,
        fingerprint="f" * 64,
    )
    return base.model_copy(update=changes)


def result(**changes: object) -> ReviewResult:
    """The review of the documentation's sample pull request."""
    read = coverage(skipped=SKIPPED)
    base = ReviewResult(
        run_id=RUN_ID,
        ref=REF,
        repo_name="acme/shop",
        head_sha=HEAD,
        base_ref="main",
        merge_base_sha=MERGE_BASE,
        verdict=decide(config=RepoConfig(), coverage=read, open_findings=OPEN),
        open=OPEN,
        to_post=tuple(item.finding_id for item in OPEN),
        held_back=HELD_BACK,
        coverage=read,
        config=in_force(changed_by_pull_request="valid"),
        analysers=("ruff", "ty", "zizmor"),
        usage=(
            ReviewerUsage(model="anthropic:A", requests=5, dollars=0.08),
            ReviewerUsage(model="openai:B", requests=1, dollars=0.03),
        ),
        started_at=STARTED,
        finished_at=STARTED + timedelta(seconds=38),
    )
    return base.model_copy(update=changes)
