"""Stories of agents and of talk, each of which an upgrade may meet while it is in flight."""

import json

from app.demo import shop as samples
from app.forges.fake.entities import Thread
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.stage import PATIENCE, Inside
from tests.journeys.fixing import AGREES, MENDS_SECONDS, RAISES
from tests.journeys.test_fix_in_threads import NEEDS_PEOPLE
from tests.journeys.test_talk import ANSWER, ASKED

REFUNDS = samples.SAMPLES[0]


async def a_rule_mends(stage: Inside) -> None:
    await stage.repo.commit({".corrigent.yaml": "autofix: commit\nreview: every-push\n"})
    pull_request = await stage.repo.open_pull_request(
        author="maria", title="Prices of products", branch="prices", changes=RAISES, body=""
    )
    first = pull_request.head_sha
    await stage.forge.wait_until(lambda: pull_request.head_sha != first, timeout=PATIENCE)
    await stage.settled(pull_request)
    assert pull_request.checks[-1].conclusion == "success"


async def a_model_mends(stage: Inside) -> None:
    pull_request = await _reviewed(stage)
    asked = pull_request.comment("/corrigent fix 3")
    await stage.forge.wait_until(lambda: len(asked.reactions) > 1, timeout=PATIENCE)
    await stage.quiet()
    assert "mended and proved" in pull_request.comments[-1].body


async def an_agent_gives_up_asks_and_is_answered(stage: Inside) -> None:
    await stage.repo.commit({".corrigent.yaml": "autofix: branch\n"})
    pull_request = await _reviewed(stage)
    first = pull_request.threads[0]
    pull_request.reply(first, "Losing one is bad, paying twice is worse.")
    await stage.forge.wait_until(lambda: "The agent asks" in _last(first), timeout=PATIENCE)
    pull_request.reply(first, "Yes, it may.")
    await stage.forge.wait_until(lambda: "mended" in _last(first), timeout=PATIENCE)
    await stage.quiet()


async def an_agent_is_stopped(stage: Inside) -> None:
    stage.script.agents.append({"when": ["Timeout in milliseconds"], "steps": [{"delay": 60}]})
    pull_request = await _reviewed(stage)
    asked = pull_request.comment("/corrigent fix 3")
    await stage.forge.wait_until(lambda: asked.reactions, timeout=PATIENCE)
    pull_request.comment("/corrigent stop")
    await stage.quiet()
    assert pull_request.threads[1].resolved is False


async def a_reply_is_answered(stage: Inside) -> None:
    stage.script.answers.insert(
        0, {"when": ["the reply to answer", ASKED], "raw": json.dumps({**ANSWER, "evidence": []})}
    )
    pull_request = await _reviewed(stage)
    first = pull_request.threads[0]
    pull_request.reply(first, ASKED)
    await stage.forge.wait_until(lambda: len(first.comments) > 2, timeout=PATIENCE)
    await stage.quiet()


async def _reviewed(stage: Inside) -> FakePullRequest:
    """After all that the models will say is written: their script is read once."""
    stage.script.agents += [NEEDS_PEOPLE, MENDS_SECONDS]
    stage.script.answers.insert(0, AGREES)
    stage.script.write()
    pull_request = await stage.open(REFUNDS)
    await stage.settled(pull_request)
    return pull_request


def _last(thread: Thread) -> str:
    return thread.comments[-1].body


AGENT_STORIES = (
    a_rule_mends,
    a_model_mends,
    an_agent_gives_up_asks_and_is_answered,
    an_agent_is_stopped,
    a_reply_is_answered,
)
