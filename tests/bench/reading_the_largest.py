"""The process that reads the largest change with a scripted model, and says what that took."""

import asyncio
import json
import sys
import time
from pathlib import Path

from app.domain.outcomes import decide
from app.domain.repo_config import RepoConfig
from reviewers.bug_hunter.reviewer import BugHunter
from reviewers.pipeline import History, conclude
from tests.bench.peak import forget_peak, peak
from tests.harness.largest import largest_change
from tests.harness.scripts import plenty, scripted


async def main(folder: Path) -> dict[str, object]:
    change = largest_change(folder)
    hunter = BugHunter(model=scripted(folder / "model", []), budget=plenty())
    memory, began = forget_peak(), time.process_time()
    report = await hunter.review(change)
    reviewed = time.process_time()
    config = RepoConfig()
    done = conclude(
        diff=change.diff, reports=[report], reviewers=("bug_hunter",), config=config, texts={}, history=History()
    )
    decide(config=config, coverage=done.coverage, open_findings=())
    read = done.coverage.read_hunk_count
    ended = time.process_time()
    return {
        "cpu": ended - began,
        "steps": {"read by one pass": reviewed - began, "concluded and decided": ended - reviewed},
        "megabytes": peak() - memory,
        "questions": report.usage.requests,
        "read": read,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1])))))
