"""The process that reads a large change: makes a repository, then measures what a review does with its diff."""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from app.checkouts import diffing
from app.checkouts.git import Git
from app.domain.check_text import completed_check
from app.domain.coverage import Coverage, Reading
from app.domain.diff import Diff
from app.domain.findings import Category, Finding, Place, Severity, TrackedFinding
from app.domain.outcomes import decide
from app.domain.phrases import Voice
from app.domain.placement import place
from app.domain.pull_request import PullRequestRef
from app.domain.repo_config import ConfigInForce, RepoConfig, SizeLimits
from app.domain.report import draft_review
from app.domain.review import ReviewResult
from app.forges.fake.git import GitRepository
from tests.bench.peak import forget_peak, peak

FILES = 100
LINES_A_FILE = 200
NOW = datetime(2026, 1, 1, tzinfo=UTC)
VOICE = Voice(mention="/corrigent", link_hosts=("github.com",))


async def main(folder: Path) -> dict[str, object]:
    base_sha, head_sha, git = await _repository(folder)
    # A first, small diff, so that what every process holds anyway is there before we look.
    await diffing.diff(git, base_sha, base_sha, limits=SizeLimits())
    memory, cpu, began = forget_peak(), time.process_time(), time.perf_counter()
    diff = await diffing.diff(git, base_sha, head_sha, limits=SizeLimits())
    parsed = time.perf_counter()
    findings = [_finding(number, file.path) for number, file in enumerate(diff.files, start=1)]
    places = {one.finding_id: at for one in findings if (at := place(one.finding.place, diff)) is not None}
    placed = time.perf_counter()
    result = _result(diff, findings)
    draft_review(result, places, VOICE)
    completed_check(result, VOICE)
    ended = time.perf_counter()
    return {
        "seconds": ended - began,
        "steps": {"parsed": parsed - began, "placed": placed - parsed, "reported": ended - placed},
        "cpu": time.process_time() - cpu,
        "megabytes": peak() - memory,
        "lines": sum(line.kind != "context" for file in diff.files for hunk in file.hunks for line in hunk.lines),
        "placed": len(places),
    }


async def _repository(folder: Path) -> tuple[str, str, Git]:
    git_dir = folder / "large.git"
    repository = GitRepository(git_dir)
    repository.create("main")
    base_sha = await repository.commit("main", {"README.md": "Small.\n"}, message="First", author="maria", parent=None)
    files = {f"part/file_{number}.py": _text(number) for number in range(FILES)}
    head_sha = await repository.commit("change", files, message="Large", author="maria", parent=base_sha)
    return base_sha, head_sha, Git(git_dir=git_dir)


def _text(number: int) -> str:
    return "".join(
        f"value_{number}_{line} = compute(part={number}, line={line}, of='a long line')\n"
        for line in range(LINES_A_FILE)
    )


def _finding(number: int, path: str) -> TrackedFinding:
    finding = Finding(
        reviewer="bug_hunter",
        rule="correctness",
        category=Category.CORRECTNESS,
        severity=Severity.HIGH,
        title=f"Line {number} is wrong",
        body="It fails when the list is empty.",
        place=Place(path=path, start_line=number, line=number),
        quote="value",
    )
    return TrackedFinding(
        finding_id=f"{number:026d}",
        number=number,
        finding=finding,
        state="open",
        first_seen_sha="0" * 40,
        keys=(str(number),),
        first_seen_at=NOW,
    )


def _result(diff: Diff, findings: list[TrackedFinding]) -> ReviewResult:
    readings = tuple(Reading(reviewer="bug_hunter", path=file.path, state="reviewed") for file in diff.files)
    coverage = Coverage.of(diff, ("bug_hunter",), ("bug_hunter",), readings)
    config = ConfigInForce(config=RepoConfig(), origins={}, fingerprint="")
    return ReviewResult(
        run_id="0" * 26,
        ref=PullRequestRef(connection="github", repo_id="1", number=1),
        repo_name="acme/large",
        head_sha=diff.head_sha,
        base_ref="main",
        merge_base_sha=diff.merge_base_sha,
        verdict=decide(config=config.config, coverage=coverage, open_findings=findings),
        open=tuple(findings),
        to_post=tuple(one.finding_id for one in findings),
        held_back=(),
        listed=tuple(one.finding_id for one in findings),
        counted=tuple(one.finding_id for one in findings),
        mended=(),
        coverage=coverage,
        config=config,
        analysers=(),
        usage=(),
        started_at=NOW,
        finished_at=NOW,
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
