"""What a review costs at Temporal, in the unit that its cloud bills."""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.harness.stage import Inside, inside
from tests.harness.temporal import TemporalServer

MOST = 16
# Schedules are workflows of the server's own, and these are only theirs.
OF_SCHEDULES = (
    "command_BatchMarkers",
    "command_ContinueAsNewWorkflowExecution",
    "command_ModifyWorkflowProperties",
    "command_UpsertWorkflowSearchAttributes",
    "message_UpdateWorkflowExecution_Acceptance",
)
# The server writes its figures down now and then.
FLUSHED_AFTER = 3.0


async def actions(temporal: TemporalServer, stage: Inside) -> Counter[str]:
    """All that were counted in the namespace so far, by kind."""
    await asyncio.sleep(FLUSHED_AFTER)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        text = (await client.get(temporal.metrics_url)).text
    # A name of the figures' own kind has no hyphen.
    namespace = stage.system.settings.temporal_namespace.replace("-", "_")
    counted = re.findall(rf'^action{{action_type="(\w+)",namespace="{namespace}",.*}} (\d+)$', text, re.MULTILINE)
    found = Counter[str]()
    for kind, count in counted:
        if kind not in OF_SCHEDULES:
            found[kind] += int(count)
    return found


async def test_a_review_by_linters_and_one_model_is_cheap(
    temporal: TemporalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with inside(temporal, tmp_path) as stage:
        before = await actions(temporal, stage)
        pull_request = await stage.open()
        await stage.settled(pull_request)
        spent = await actions(temporal, stage) - before
    with capsys.disabled():
        sys.stdout.write(f"\n{spent.total()} Temporal actions for one review ({MOST} at most)\n")
    assert len(pull_request.reviews) == 1
    assert 5 <= spent.total() <= MOST, spent
