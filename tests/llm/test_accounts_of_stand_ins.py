"""Whoever answers is who is paid: agents and answers in threads, with the product's own models, settings and store."""

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.agent_making import AgentModels
from app.domain.actions import Action
from app.domain.agents import AgentTask
from app.domain.pull_request import Person
from app.domain.repo_config import ConfigInForce, RepoConfig
from app.llm.talk import ModelChanged
from app.metrics import Metrics
from app.reviewer_making import ModelReviewers
from app.settings import Settings
from app.store.clock import utc_now
from app.talk_making import TalkModels
from app.wiring import Store, open_store
from tests.autofix.play import FINDING
from tests.harness.changes import change_of
from tests.harness.llm_server import LlmServer, llm_server
from tests.llm.test_talking_chain import FIRST, REQUEST, SECOND
from tests.store.samples import HEAD, NOW, REF, seen_pull_request

TASK = AgentTask(
    agent_id="01JAGENT",
    ref=REF,
    repo_name="acme/shop",
    kind="fix",
    title="Refund on retry",
    head_sha=HEAD,
    merge_base_sha="b" * 40,
)
ASKED = Action(
    action_key="act-1",
    ref=REF,
    word="reply",
    argument="Why?",
    actor=Person(user_id="5", login="ada"),
    source="comment",
    received_at=NOW,
)
ANSWER = {"verdict": "answers", "text": "It subtracts.", "evidence": [{"path": "sums.py", "quote": "return a - b"}]}


@dataclass(frozen=True)
class Made:
    store: Store
    agents: AgentModels
    talk: TalkModels
    reviewers: ModelReviewers


@pytest.fixture
def servers() -> Generator[tuple[LlmServer, LlmServer]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(llm_server(answer=json.dumps(ANSWER))) for _ in range(2))
        yield first, second


@asynccontextmanager
async def made(home: Path, first: LlmServer, second: LlmServer) -> AsyncGenerator[Made]:
    settings = Settings.model_validate(
        {"home": home, "model": f"{FIRST}@{first.url}", "fallback_models": [f"{SECOND}@{second.url}"]}
    )
    async with open_store(settings, may_migrate=True) as store:
        reviewers = ModelReviewers(settings, store, clock=utc_now, metrics=Metrics())
        try:
            yield Made(
                store,
                AgentModels(settings, store, reviewers, clock=utc_now),
                TalkModels(settings, store, reviewers, clock=utc_now),
                reviewers,
            )
        finally:
            await reviewers.close()


async def test_the_one_that_stands_in_is_known_by_what_it_did(
    tmp_path: Path, servers: tuple[LlmServer, LlmServer]
) -> None:
    first, second = servers
    first.weather = "401"
    async with made(tmp_path, first, second) as parts:
        await seen_pull_request(parts.store.db)
        judge = await parts.talk.judge(ASKED, ConfigInForce(config=RepoConfig(), origins={}, fingerprint="f"))
        change = change_of(tmp_path, {}, {"sums.py": "def add(a, b):\n    return a - b\n"})
        assert (await judge.judge(change, FINDING, ["Why?"])).text == "It subtracts."
        for _ in range(2):
            await parts.talk.keep(ASKED, judge.usages)
        written = await parts.store.usage.written(ASKED.action_key)
        assert {model: one.requests for model, one in written.items()} == {SECOND: 1}

        model = await parts.agents.talking(TASK)
        try:
            with pytest.raises(ModelChanged, match=f"{SECOND} takes over from {FIRST}"):
                await model.talk(REQUEST, lambda _: None)
            assert (await model.talk(REQUEST, lambda _: None)).by == SECOND
        finally:
            await model.close()
    assert len(first.requests) == 1, "what the thread's answer met the agent knows"
