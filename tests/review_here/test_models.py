"""`corrigent review` asks all the models that the settings name, over the wire, and says which of them read."""

import json

from tests.checkouts.repos import Repo
from tests.harness.llm_server import KEY, LlmServer, llm_server
from tests.review_here.conftest import TWICE, WORK, Scripted
from tests.review_here.console import Console

FOUND = json.dumps({"findings": [TWICE]})


def named(name: str, server: LlmServer) -> str:
    return f"openai-compatible:{name}@{server.url}"


async def test_a_model_that_cannot_be_used_has_its_stand_in(repo: Repo, console: Console) -> None:
    repo.write(WORK)
    with llm_server("401") as first, llm_server("429") as second, llm_server(answer=FOUND) as third:
        env = {
            "CORRIGENT_MODEL": named("first", first),
            "CORRIGENT_FALLBACK_MODELS": f"{named('second', second)},{named('third', third)}",
            "CORRIGENT_MODEL_KEY": KEY,
        }
        ran = await console.review("--format", "json", env=env)
        told = json.loads(ran.out)
        passes = 5
        assert max(len(first.requests), len(second.requests)) <= passes < len(third.requests), "not asked once known"
        models = [one["model"].partition("@")[0] for one in told["models"]]
        assert models == ["openai-compatible:third"]
        assert "A retried webhook pays the customer twice" in ran.out


async def test_the_passes_are_shared_among_the_finders(repo: Repo, console: Console) -> None:
    repo.write(WORK)
    with llm_server(answer=FOUND) as one, llm_server(answer=FOUND) as other:
        env = {
            "CORRIGENT_MODEL": named("one", one),
            "CORRIGENT_FINDER_MODELS": f"{named('one', one)},{named('other', other)}",
            "CORRIGENT_MODEL_KEY": KEY,
        }
        await console.review("--format", "json", env=env)
        assert one.requests
        shared = len(other.requests)
        assert shared
        await console.review("--format", "json", "--model", named("one", one), env=env)
        assert len(other.requests) == shared, "a model that was asked for makes every pass itself"


async def test_a_spent_budget_falls_through_to_nobody(repo: Repo, console: Console, scripted: Scripted) -> None:
    repo.commit({".corrigent.yaml": "budget: {review: 0}\n"})
    repo.write(WORK)
    dear = scripted({"findings": [TWICE]}, price=1_000.0)
    with llm_server(answer=FOUND) as spare:
        env = {"CORRIGENT_FALLBACK_MODELS": named("spare", spare), "CORRIGENT_MODEL_KEY": KEY}
        ran = await console.review("--format", "json", "--base", "HEAD", "--model", dear, env=env)
        assert not spare.requests
        assert "the budget of this review ($0) is spent" in ran.out
