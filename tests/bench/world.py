"""The world that is measured in: ten installations, pull requests of five files, and when each thing was seen."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from app.domain.pull_request import Permission
from app.domain.repo_config import Effort
from app.forges.fake.faults import Latency
from app.forges.fake.http import Answer, Request
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import AppCredentials, FakeForge

INSTALLATIONS = 10
FILES = 5
LINES_A_FILE = 120
# How long may a review take on a machine that others use as well?
PATIENCE = timedelta(minutes=3)
_CHECKS = re.compile(r"/repos/(?P<repo>[^/]+/[^/]+)/check-runs(/\d+)?$")
_REVIEW = re.compile(r"/repos/(?P<repo>[^/]+/[^/]+)/pulls/(?P<number>\d+)/reviews/\d+/events$")


@dataclass
class Seen:
    """What the forge saw of one pull request, and when."""

    opened: datetime | None = None
    check: datetime | None = None
    posted: datetime | None = None
    completed: datetime | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class World:
    """A fake forge with repositories, and a clock on everything that is done to their pull requests."""

    forge: FakeForge
    credentials: AppCredentials
    repos: Sequence[FakeRepo]
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict[tuple[str, str], Seen])

    async def prepare(self, count: int) -> list[tuple[FakeRepo, str]]:
        """Branches with changes, in turn over the repositories: opening one then costs the forge next to nothing."""
        prepared: list[tuple[FakeRepo, str]] = []
        for number in range(count):
            repo, branch = self.repos[number % len(self.repos)], f"change-{number}"
            await repo.commit(change(number), branch=branch, message=f"Change {number}")
            prepared.append((repo, branch))
        return prepared

    async def open(self, repo: FakeRepo, branch: str) -> FakePullRequest:
        """Open one; its webhook leaves at the noted time."""
        pull_request = await repo.open_pull_request(author="maria", title=f"Work on {branch}", branch=branch)
        self.of(pull_request).opened = self._sent(pull_request)
        return pull_request

    def of(self, pull_request: FakePullRequest) -> Seen:
        return self.seen.setdefault((pull_request.pull.repo.full_name, pull_request.head_sha), Seen())

    async def reviewed(self, pull_request: FakePullRequest) -> Seen:
        """Until its check is completed."""
        seen = self.of(pull_request)
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await seen.done.wait()
        return seen

    def slow_down(self, by: timedelta) -> None:
        """Every answer comes later by this, those of git too."""
        self.forge.server.faults.clear()
        if by:
            self.forge.fault(Latency(by), count=10**9)

    def observe(self, request: Request, answer: Answer) -> None:
        now = self.forge.github.clock.now()
        if request.method in {"POST", "PATCH"} and answer.status < 300:
            if found := _CHECKS.search(request.path):
                self._note_check(found["repo"], request, answer, now)
            elif found := _REVIEW.search(request.path):
                head = self.forge.github.find_repository(*found["repo"].split("/"))
                assert head is not None
                self.seen.setdefault((found["repo"], head.pulls[int(found["number"])].head_sha), Seen()).posted = now

    def _note_check(self, repo: str, request: Request, answer: Answer, now: datetime) -> None:
        assert isinstance(answer.data, Mapping) or answer.content
        shown = json.loads(answer.rendered()[2])
        seen = self.seen.setdefault((repo, shown["head_sha"]), Seen())
        if request.method == "POST":
            seen.check = now
        if shown["conclusion"] and seen.completed is None:
            seen.completed = now
            seen.done.set()

    def _sent(self, pull_request: FakePullRequest) -> datetime:
        number = pull_request.number
        for delivery in reversed(self.forge.deliveries):
            told = (delivery.event, delivery.repository_id, delivery.payload.get("number"))
            if told == ("pull_request", pull_request.pull.repo.repo_id, number):
                return delivery.created_at
        raise LookupError(f"no delivery told of pull request {number}")


@asynccontextmanager
async def world(effort: Effort = "normal") -> AsyncGenerator[World]:
    """Ten owners with a repository each, all of one App; at low effort a model reads each change once."""
    async with FakeForge.start() as forge:
        members = {"maria": Permission.WRITE}
        repos = [
            await forge.create_repo(f"owner-{number}/service", files=base(effort), members=members)
            for number in range(INSTALLATIONS)
        ]
        credentials = await forge.install_app(repos=[repos[0]])
        for number, repo in enumerate(repos[1:], start=1):
            forge.install_also(credentials.app_id, f"owner-{number}", [repo])
        made = World(forge, credentials, repos)
        forge.observe(made.observe)
        yield made


def base(effort: Effort) -> dict[str, str]:
    """A small service: the files that change, as many that do not, and how it is reviewed."""
    changed = {path(number): _module(number, 0) for number in range(FILES)}
    return {
        ".corrigent.yaml": f"effort: {effort}\n",
        **changed,
        **{f"service/other_{number}.py": _module(number, 7) for number in range(20)},
    }


def change(number: int) -> dict[str, str]:
    """Five files with a few changed lines each, different in every pull request."""
    return {path(at): _module(at, number + 1) for at in range(FILES)}


def path(number: int) -> str:
    return f"service/part_{number}.py"


def script(folder: Path) -> str:
    """A model that answers at once: two findings on lines that every change has; its name in the settings."""
    findings = [
        {
            "path": path(at),
            "quote": f"limit = order * {at + 2}",
            "line": 61,
            "severity": severity,
            "category": "correctness",
            "title": f"Part {at} takes its limit from the wrong order",
            "body": "The limit belongs to the customer, not to the order; large orders are refused twice.",
            "agent_prompt": "Take the limit from the customer.",
        }
        for at, severity in ((0, "high"), (3, "medium"))
    ]
    file = folder / "script.json"
    file.write_text(json.dumps({"answers": [{"when": [], "findings": findings}]}))
    return f"scripted:{file}"


def _module(number: int, version: int) -> str:
    lines = [f'"""Part {number} of the service."""', "", ""]
    for at in range(LINES_A_FILE // 4):
        lines += [f"def step_{at}(order: int) -> int:", f"    return order + {at}", "", ""]
    if version:
        lines[58:58] = [
            f"def decide_{version}(order: int) -> bool:",
            f"    limit = order * {number + 2}",
            f"    return order < limit + {version}",
            "",
            "",
        ]
        lines += [f"VERSION = {version}"]
    return "\n".join(lines) + "\n"
