"""Providers over real HTTP: what each kind of trouble becomes."""

import traceback
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.errors import RateLimited, UserError
from app.llm.chat import Answer, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.llm.models import ModelAccess, ModelSpec, open_model
from tests.harness.llm_server import KEY, LlmServer, Weather, llm_server

QUESTION = Question(
    instructions="Find bugs.",
    prompt="SECRET-PROMPT-TEXT",
    schema_name="report",
    schema={"type": "object", "properties": {"findings": {"type": "array", "items": {"type": "string"}}}},
)


async def ask(server: LlmServer, spec: str = "openai-compatible:test-model", key: str = KEY) -> Answer:
    access = ModelAccess(api_key=key, base_url=server.url, deadline=timedelta(seconds=1))
    model = open_model(ModelSpec.parse(spec), access)
    try:
        return await model.ask(QUESTION)
    finally:
        await model.close()


@pytest.mark.parametrize("spec", ["openai:test-model", "ollama:test-model", "openai-compatible:test-model"])
async def test_a_question_is_answered_with_its_usage(spec: str) -> None:
    with llm_server(answer='{"findings": ["x"]}') as server:
        answer = await ask(server, spec)
    assert (answer.text, answer.input_tokens, answer.output_tokens) == ('{"findings": ["x"]}', 120, 30)
    assert server.authorizations == [f"Bearer {KEY}"]
    assert server.requests[0]["model"] == "test-model"


@pytest.mark.parametrize(
    ("weather", "error", "says"),
    [
        ("500", ModelUnavailable, "model answered 500"),
        ("503", ModelUnavailable, "model answered 503"),
        ("hang", ModelUnavailable, "model gave no answer in 1 s"),
        ("reset", ModelUnavailable, "model's server sent a broken answer"),
        ("truncated", ModelUnavailable, "model's server sent a broken answer"),
        ("not json", ModelUnavailable, "model's server sent a broken answer"),
        ("redirect", ModelUnavailable, "model's server sent a broken answer"),
        ("refusal", ModelRefused, "model refused"),
        ("filter", ModelRefused, "model refused"),
        ("401", UserError, "openai-compatible: 401, the key ends in …x7Q"),
        ("404", UserError, "openai-compatible knows no model 'test-model' (404)."),
        ("quota", UserError, "openai-compatible: the account's quota or credit is used up."),
        ("400 context", PromptTooLong, "too long for the model"),
    ],
)
async def test_trouble_has_one_meaning(weather: Weather, error: type[Exception], says: str) -> None:
    with llm_server(weather) as server, pytest.raises(error) as caught:
        await ask(server)
    assert str(caught.value) == says
    assert len(server.requests) == 1, "no retry of the library's own, no redirect followed"
    assert "SECRET" not in "".join(traceback.format_exception(caught.value)), "providers quote the prompt"


@pytest.mark.parametrize(
    ("weather", "seconds"), [("429", 7), ("429 date", 60), ("529", 30)], ids=["seconds", "date", "overloaded"]
)
async def test_a_limit_says_until_when(weather: Weather, seconds: int) -> None:
    with llm_server(weather) as server, pytest.raises(RateLimited) as caught:
        await ask(server)
    assert caught.value.kind == "model"
    wait = caught.value.until - datetime.now(UTC)
    assert seconds - 5 <= wait.total_seconds() <= seconds + 1
    assert len(server.requests) == 1


async def test_an_answer_that_ran_into_its_limit_says_so() -> None:
    with llm_server("cut off") as server:
        assert (await ask(server)).cut_off


async def test_a_server_that_knows_no_schemas_is_asked_without() -> None:
    with llm_server("no schema", answer="{}") as server:
        access = ModelAccess(base_url=server.url, deadline=timedelta(seconds=1))
        model = open_model(ModelSpec.parse("openai-compatible:old"), access)
        assert [(await model.ask(QUESTION)).text for _ in range(2)] == ["{}", "{}"]
        await model.close()
    assert ["response_format" in request for request in server.requests] == [True, False, False]


async def test_nobody_there() -> None:
    with llm_server() as server:
        pass
    with pytest.raises(ModelUnavailable, match="could not be reached"):
        await ask(server)


async def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with llm_server() as server:
        await ask(server, key="")
    assert "environment" not in server.authorizations[0]
