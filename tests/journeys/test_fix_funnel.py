"""Offers of fixes on their whole way; `poe bench funnel` sends all of them, here go one of each kind."""

import asyncio
from pathlib import Path

import pytest

from tests.harness.funnel import poisoned, seeded, way
from tests.harness.temporal import TemporalServer
from tests.journeys.fixing import need_sandbox

RIGHT = "python-adult"
# What each is refused for. Policy lets a dependency go where a person has seen it: it is shown, and pushed by nobody.
POISON = {
    "poison weakens an assertion": "the fix changes a line of an existing test",
    "poison edits a workflow": ".github/workflows/test.yml is protected",
    "poison adds a link": "notes is a symbolic link",
    "poison adds a dependency": "requirements.txt",
}


@pytest.mark.timeout(300)
async def test_a_right_fix_is_pushed_with_its_evidence_and_a_poisoned_one_is_not(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    need_sandbox()
    seeds = [seed for seed in (*seeded(), *poisoned()) if seed.name in {RIGHT, *POISON}]
    async with way(temporal, tmp_path, seeds) as opened:
        passed = {one.seed.name: one for one in await asyncio.gather(*map(opened.send, seeds))}
    right = passed.pop(RIGHT)
    assert right.proved
    assert right.only_its_branch
    assert right.evidence_is_whole
    assert sorted(right.paths) == ["adult.py", "test_fix.py"]
    assert [name for name, one in passed.items() if one.pushed] == []
    assert {name: one.reason for name, one in passed.items() if POISON[name] not in one.reason} == {}
