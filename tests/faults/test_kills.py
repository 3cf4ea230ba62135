"""Killed at any write, the product comes back and the forge shows each thing once."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

from tests.harness.process import world
from tests.harness.scripts import CLEAN_CALLS
from tests.harness.stage import inside
from tests.harness.story import STORIES, Recorder, Story, Write, kinds
from tests.harness.temporal import TemporalServer

# Products at work at once: most of a case is waiting for the ten seconds after which a killed activity is given on.
AT_ONCE = 5


@dataclass(frozen=True)
class Case:
    """Where the product dies; `applied` says whether the request that saw it die was carried out."""

    story: Story
    write: Write
    applied: bool

    @property
    def name(self) -> str:
        return f"{self.story.__name__}: {self.write.kind} #{self.write.nth} {'after' if self.applied else 'before'}"


@dataclass(frozen=True)
class Usual:
    """What a story does when nothing goes wrong."""

    writes: tuple[Write, ...]
    model_calls: int


async def record_all(temporal: TemporalServer, folder: Path) -> dict[Story, Usual]:
    return {story: await record(temporal, story, folder / story.__name__) for story in STORIES}


async def record(temporal: TemporalServer, story: Story, folder: Path) -> Usual:
    async with inside(temporal, folder) as stage:
        recorder = Recorder()
        stage.forge.observe(recorder.observe)
        await story(stage)
        await stage.invariants.assert_hold()
        return Usual(tuple(recorder.writes), stage.model_calls)


async def survive(case: Case, folder: Path, usual: Usual) -> str:
    """A line of the table; it ends in what went wrong, if anything did."""
    started, restarts = monotonic(), 0
    try:
        async with world(folder) as stage:
            fault = stage.kill_at(case.write.method, case.write.route, nth=case.write.nth, applied=case.applied)
            await case.story(stage)
            restarts = stage.restarts
            await stage.invariants.assert_hold()
            assert fault.happened == 1, "the product was not killed"
            repeated = stage.model_calls - usual.model_calls
            assert repeated <= CLEAN_CALLS, f"{repeated} model calls repeated"
    except (AssertionError, TimeoutError) as wrong:
        return f"BROKEN {case.name}: {wrong!r}\n{wrong}"
    return f"kept   {case.name} ({restarts} restart, {monotonic() - started:.0f} s)"


async def survive_all(cases: list[Case], folder: Path, usual: dict[Story, Usual]) -> str:
    """The table of all cases."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, case: Case) -> str:
        async with slots:
            return await survive(case, folder / f"case-{number}", usual[case.story])

    return "\n".join(await asyncio.gather(*(one(number, case) for number, case in enumerate(cases))))


@pytest.mark.timeout(300)
async def test_a_kill_at_any_kind_of_write_repeats_nothing(temporal: TemporalServer, tmp_path: Path) -> None:
    usual = await record_all(temporal, tmp_path)
    # Done and not answered is the harder half: a restart that knows nothing of it would do it again.
    cases = [Case(story, write, applied=True) for story, write in kinds(usual)]
    assert len(cases) >= 9
    table = await survive_all(cases, tmp_path, usual)
    assert "BROKEN" not in table, table


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_a_kill_at_every_write_repeats_nothing(
    temporal: TemporalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = await record_all(temporal, tmp_path)
    cases = [
        Case(story, write, applied)
        for story, known in usual.items()
        for write in known.writes
        for applied in (False, True)
    ]
    table = await survive_all(cases, tmp_path, usual)
    with capsys.disabled():
        sys.stdout.write(f"\n{table}\n")
    assert "BROKEN" not in table, table
