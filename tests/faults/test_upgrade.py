"""A new version of the workflows finds a review in flight: it is ended, begun anew, and posted once."""

import asyncio
from pathlib import Path

from pydantic import JsonValue

from app.demo import shop as samples
from tests.harness.process import world
from tests.harness.scripts import CALLS, CLEAN_CALLS
from tests.harness.stage import PATIENCE


async def test_a_review_in_flight_survives_an_upgrade(tmp_path: Path) -> None:
    async with world(tmp_path) as stage:
        slow: dict[str, JsonValue] = {"when": [samples.SAMPLES[0].title], "findings": [], "delay": 60, "times": 1}
        stage.script.answers.insert(0, slow)
        stage.script.write()
        pull_request = await stage.open()
        # One pass is still being answered when the process dies, the others have been.
        async with asyncio.timeout(PATIENCE):
            while await stage.answers_kept() < CLEAN_CALLS - 1:
                await asyncio.sleep(0.05)
        (stage.product.home / "workflow-code").write_text("of another version")
        stage.product.kill()
        # Well before the reconciler's next turn, which is ten minutes away.
        await stage.settled(pull_request)
        assert len(pull_request.reviews) == 1
        assert len(pull_request.checks) == 1
        assert stage.model_calls == CALLS + 1, "what was open is asked again, what was answered is not"
        assert "upgrade.ended_open_work" in (stage.product.home / "corrigent.log").read_text()
        await stage.invariants.assert_hold()
