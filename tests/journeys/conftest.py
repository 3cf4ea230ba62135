"""A shop under review: the world in which every journey begins."""

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from tests.harness.system import TIME_SCALE, Script, System, corrigent
from tests.harness.temporal import TemporalServer


@dataclass
class Shop:
    """The demo's repository, with Corrigent at work."""

    forge: FakeForge
    repo: FakeRepo
    system: System

    @property
    def forge_hook(self) -> str:
        """Where the forge sends its deliveries."""
        return f"http://127.0.0.1:{self.system.running.port}/hooks/github"

    async def open(self, sample: samples.Sample = samples.SAMPLES[0], *, draft: bool = False) -> FakePullRequest:
        return await self.repo.open_pull_request(
            author=sample.author,
            title=sample.title,
            branch=sample.branch,
            changes=sample.changes,
            body=sample.body,
            draft=draft,
        )

    async def reviewed(self, pull_request: FakePullRequest, *, head_sha: str | None = None) -> None:
        """Until the head has a completed check and nothing more is going on."""
        head = head_sha or pull_request.head_sha
        await self.forge.wait_until(
            lambda: [check for check in pull_request.checks_of(head) if check.conclusion], timeout=20
        )
        await self.system.quiet()


def answer_as_in_the_demo(script: Script) -> None:
    for entry in samples.SCRIPT:
        assert isinstance(entry, dict)
        script.answers.append({**entry, "delay": 0})
    script.write()


@pytest.fixture
def time_scale() -> float:
    """How fast waits pass; a test that needs longer ones says so as its parameter."""
    return TIME_SCALE


@pytest.fixture
async def shop(forge: FakeForge, temporal: TemporalServer, tmp_path: Path, time_scale: float) -> AsyncGenerator[Shop]:
    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    home = tmp_path / "home"
    async with corrigent(
        forge, credentials, temporal, home, prepare=answer_as_in_the_demo, time_scale=time_scale
    ) as system:
        yield Shop(forge, repo, system)


_RUN_ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
_VARYING = (
    (re.compile(r"\d+(\.\d+)? s\b"), "0.0 s"),
    (re.compile(r"\b(ruff|ty|ast-grep|shellcheck|hadolint|zizmor|oxlint) \d+(\.\d+)+"), r"\1 0.0.0"),
)


def told(pull_request: FakePullRequest) -> str:
    """The story with ids, commits and durations in place of their values."""
    story = pull_request.story()
    for number, found in enumerate(dict.fromkeys(_RUN_ID.findall(story)), start=1):
        story = story.replace(found, f"ID-{number}")
    for pattern, text in _VARYING:
        story = pattern.sub(text, story)
    for number, found in enumerate(dict.fromkeys(re.findall(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7}\b", story)), start=1):
        story = story.replace(found, f"commit-{number}")
    return story
