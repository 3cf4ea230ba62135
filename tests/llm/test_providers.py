"""Providers over real HTTP: every kind of trouble with every protocol, and what people are told of it."""

import sys
import traceback
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.domain.errors import RateLimited, UserError
from app.llm.chat import Answer, ChatModel, ModelOutputUnusable, ModelRefused, ModelUnavailable, PromptTooLong, Question
from app.llm.models import ModelAccess, ModelSpec, open_model
from app.llm.structured import ask_for
from reviewers.bug_hunter.reviewer import BugHunter
from tests.harness.changes import change_of
from tests.harness.llm_server import KEY, LlmServer, Weather, llm_server
from tests.harness.scripts import plenty
from tests.harness.tls import own_certificate

QUESTION = Question(
    instructions="Find bugs.",
    prompt="SECRET-PROMPT-TEXT",
    schema_name="report",
    schema={"type": "object", "properties": {"findings": {"type": "array", "items": {"type": "string"}}}},
)
COMPATIBLE = "openai-compatible:test-model"
# Of those with two ways to an answer in JSON, both: a schema, and a tool that has to be used.
SPECS = (
    "openai:test-model",
    COMPATIBLE,
    "ollama:test-model",
    "anthropic:claude-haiku-4-5",
    "anthropic:test-model",
    "google:test-model",
    "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "bedrock:test-model",
)


@dataclass(frozen=True)
class Wire:
    """A server, plain and with a certificate of its own, which Bedrock wants for a key."""

    plain: LlmServer
    secure: LlmServer
    certificate: Path

    def of(self, spec: ModelSpec) -> LlmServer:
        return self.secure if spec.provider == "bedrock" else self.plain

    def set(self, weather: Weather, answer: str = '{"findings": []}') -> None:
        for server in (self.plain, self.secure):
            server.weather, server.answer = weather, answer
            server.requests.clear()
            server.authorizations.clear()

    @asynccontextmanager
    async def model(self, name: str, *, key: str = KEY, seconds: float = 30) -> AsyncGenerator[ChatModel]:
        spec = ModelSpec.parse(name)
        secure = spec.provider == "bedrock"
        access = ModelAccess(
            api_key=key,
            base_url=self.of(spec).address(spec.provider),
            ca_file=str(self.certificate) if secure else "",
            region="eu-west-1",
            deadline=timedelta(seconds=seconds),
        )
        model = open_model(spec, access)
        try:
            yield model
        finally:
            await model.close()

    async def ask(self, name: str, *, key: str = KEY, seconds: float = 30) -> Answer:
        async with self.model(name, key=key, seconds=seconds) as model:
            return await model.ask(QUESTION)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Generator[Wire]:
    file = tmp_path_factory.mktemp("tls") / "own.pem"
    with llm_server() as plain, llm_server(tls=own_certificate(file)) as secure:
        yield Wire(plain, secure, file)


@pytest.mark.parametrize("name", SPECS)
async def test_a_question_is_answered_with_its_usage(wire: Wire, name: str) -> None:
    wire.set("normal", '{"findings": ["x"]}')
    answer = await wire.ask(name)
    assert (answer.text.replace(" ", ""), answer.input_tokens, answer.output_tokens) == ('{"findings":["x"]}', 120, 30)
    server = wire.of(ModelSpec.parse(name))
    assert server.authorizations[0].removeprefix("Bearer ") == KEY
    assert QUESTION.prompt in str(server.requests[0])


@dataclass(frozen=True)
class Row:
    """A weather, and what it becomes; {provider}, {name} and {status} are filled in."""

    weather: Weather
    error: type[Exception]
    says: str


ROWS = (
    Row("500", ModelUnavailable, "model answered 500"),
    Row("503", ModelUnavailable, "model answered 503"),
    Row("reset", ModelUnavailable, "model's server sent a broken answer"),
    Row("truncated", ModelUnavailable, "model's server sent a broken answer"),
    Row("not json", ModelUnavailable, "model's server sent a broken answer"),
    Row("redirect", ModelUnavailable, "model's server sent a broken answer"),
    Row("refusal", ModelRefused, "model refused"),
    Row("filter", ModelRefused, "model refused"),
    Row("401", UserError, "{provider}: {status}, the key ends in …x7Q"),
    Row("404", UserError, "{provider} knows no model '{name}' (404)."),
    Row("quota", UserError, "{provider}: the account's quota or credit is used up."),
    Row("400 context", PromptTooLong, "too long for the model"),
)
# How those who do not say 401 for a wrong key say it.
WRONG_KEY = {"google": 400, "bedrock": 403}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.weather)
async def test_trouble_has_one_meaning(wire: Wire, name: str, row: Row) -> None:
    wire.set(row.weather)
    with pytest.raises(row.error) as caught:
        await wire.ask(name)
    spec = ModelSpec.parse(name)
    said = row.says.format(provider=spec.provider, name=spec.name, status=WRONG_KEY.get(spec.provider, 401))
    assert str(caught.value) == said
    assert len(wire.of(spec).requests) == 1, "no retry of the library's own, no redirect followed"
    assert "SECRET" not in "".join(traceback.format_exception(caught.value)), "providers quote the prompt"


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(
    ("weather", "seconds"), [("429", 7), ("429 date", 60), ("529", 30)], ids=["seconds", "date", "overloaded"]
)
async def test_a_limit_says_until_when(wire: Wire, name: str, weather: Weather, seconds: int) -> None:
    wire.set(weather)
    asked = datetime.now(UTC)
    with pytest.raises(RateLimited) as caught:
        await wire.ask(name)
    assert caught.value.kind == "model"
    waits = (caught.value.until - asked).total_seconds()
    # A date has no fractions, and this machine may be slow.
    assert seconds - 2 <= waits <= seconds + (datetime.now(UTC) - asked).total_seconds() + 1
    assert len(wire.of(ModelSpec.parse(name)).requests) == 1


# In a tool's arguments of these JSON cannot be broken, unless it is cut off.
WITH_TOOLS = ("anthropic:test-model", "bedrock:test-model")


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize(
    ("weather", "says"),
    [
        ("normal", "model answered with broken JSON, twice"),
        ("empty", "model answered with broken JSON, twice"),
        ("huge", "model answered with broken JSON, twice"),
        ("cut off", "model's answer was cut off, twice"),
    ],
    ids=["invalid", "empty", "huge", "cut off"],
)
async def test_what_cannot_be_read_is_asked_for_once_more(wire: Wire, name: str, weather: Weather, says: str) -> None:
    if weather == "normal" and name in WITH_TOOLS:
        return
    wire.set(weather, "No problems {found.")
    async with wire.model(name) as model:
        with pytest.raises(ModelOutputUnusable) as caught:
            await ask_for(model.ask, QUESTION, _findings)
    assert str(caught.value) == says
    assert len(wire.of(ModelSpec.parse(name)).requests) == 2


def _findings(answer: dict[str, JsonValue]) -> JsonValue:
    if "findings" not in answer:
        raise ValueError("There are no findings.")
    return answer["findings"]


@pytest.mark.parametrize("name", [SPECS[0], *SPECS[3:4], *SPECS[5:7]])
async def test_a_silent_server_is_left_at_the_deadline(wire: Wire, name: str) -> None:
    wire.set("hang")
    with pytest.raises(ModelUnavailable, match=r"model gave no answer in 0\.5 s"):
        await wire.ask(name, seconds=0.5)


async def test_a_server_that_knows_no_schemas_is_asked_without(wire: Wire) -> None:
    wire.set("no schema", "{}")
    async with wire.model(COMPATIBLE) as model:
        assert [(await model.ask(QUESTION)).text for _ in range(2)] == ["{}", "{}"]
    assert ["response_format" in request for request in wire.plain.requests] == [True, False, False]


@pytest.mark.parametrize("name", [SPECS[0], *SPECS[3:4], *SPECS[5:7]])
async def test_nobody_there(name: str) -> None:
    with llm_server() as server:
        gone = server.url.replace("http:", "https:") if name.startswith("bedrock") else server.url
    model = open_model(ModelSpec.parse(name), ModelAccess(api_key=KEY, base_url=gone))
    try:
        with pytest.raises(ModelUnavailable, match="could not be reached"):
            await model.ask(QUESTION)
    finally:
        await model.close()


@pytest.mark.parametrize("name", [COMPATIBLE, *SPECS[3:4], SPECS[5]])
async def test_the_environment_is_not_asked(wire: Wire, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(variable, "sk-from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    wire.set("normal")
    await wire.ask(name, key="")
    assert "environment" not in wire.plain.authorizations[0]


async def test_bedrock_takes_its_key_from_us_alone(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "from-the-environment")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-the-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "from-the-environment")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    wire.set("normal")
    await wire.ask("bedrock:test-model")
    assert wire.secure.authorizations == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("provider", "module"),
    [("google", "pydantic_ai.models.google"), ("bedrock", "pydantic_ai.models.bedrock")],
)
def test_a_missing_library_names_its_extra(provider: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=rf"needs the extra '{provider}', which is not installed"):
        open_model(ModelSpec.parse(f"{provider}:x"), ModelAccess(api_key="k" * 20, region="eu-west-1"))


@pytest.mark.parametrize("name", SPECS)
async def test_secrets_are_masked_before_they_are_sent(wire: Wire, name: str, tmp_path: Path) -> None:
    planted = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
    head = {"a.py": f"token = '{planted}'\nown = 'our-own-database-word'\n"}
    change = change_of(tmp_path, {}, head, effort="low", title=planted, body=f"See {planted}")
    wire.set("normal")
    async with wire.model(name) as model:
        hunter = BugHunter(model=model, budget=plenty(), secrets=("our-own-database-word",))
        await hunter.review(change)
    sent = str(wire.of(ModelSpec.parse(name)).requests)
    assert "token = " in sent
    assert (planted in sent, "our-own-database-word" in sent) == (False, False)
