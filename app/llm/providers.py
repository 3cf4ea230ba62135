"""Models of real providers through pydantic-ai: one request at a time, no retries of the libraries' own."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Literal

import httpx2
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAuthenticationError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from app.llm.chat import Answer, ChatModel, ModelRefused, Question
from app.llm.models import ModelAccess, ModelSpec
from app.llm.prices import dollars
from app.llm.provider_errors import translated

_OLLAMA_URL = "http://127.0.0.1:11434/v1"
_OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "none"

OutputMode = Literal["native", "tool", "text"]


class ProviderModel:
    """A pydantic-ai model that answers in JSON by the best means its provider has."""

    def __init__(
        self, model: Model, spec: ModelSpec, access: ModelAccess, *, hang_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._model = model
        self._hang_up = hang_up
        self._spec = spec
        self._access = access
        self._mode: OutputMode = _best_mode(model)

    @property
    def label(self) -> str:
        return str(self._spec)

    @property
    def model(self) -> Model:
        """For requests of another kind than `ask`."""
        return self._model

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return dollars(
            self._spec.provider,
            self._spec.name,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens,
        )

    async def ask(self, question: Question) -> Answer:
        # Their errors quote the request, so they do not go on as causes: traces are logged, code under review is not.
        try:
            return _answer(await self._request(question))
        except ModelHTTPError as error:
            if not self._refuses_schema(error):
                raise translated(error, self._spec, self._access) from None
        except (AgentRunError, httpx2.HTTPError) as error:
            raise translated(error, self._spec, self._access) from None
        # Older OpenAI-compatible servers refuse `response_format`; the instructions describe the JSON as well.
        self._mode = "text"
        return await self.ask(question)

    async def close(self) -> None:
        await self._hang_up()

    async def _request(self, question: Question) -> ModelResponse:
        return await model_request(
            self._model,
            _messages(question),
            model_settings=request_settings(self._spec, self._access, question.max_output_tokens),
            model_request_parameters=_parameters(question, self._mode),
            instrument=False,
        )

    def _refuses_schema(self, error: ModelHTTPError) -> bool:
        own_server = self._spec.provider in {"openai-compatible", "ollama"} or bool(self._access.base_url)
        return own_server and self._mode == "native" and error.status_code in {400, 422} and not _is_clear(error)


def request_settings(spec: ModelSpec, access: ModelAccess, max_output_tokens: int) -> ModelSettings:
    """One request within its deadline, and no second one."""
    deadline = access.deadline.total_seconds()
    settings = ModelSettings(max_tokens=max_output_tokens, request_timeout=deadline)
    if spec.provider not in {"bedrock", "google"}:
        # Of those two the client itself knows it.
        settings |= ModelSettings(timeout=deadline, max_retries=0)
    return settings


def opener(provider: str) -> Callable[[ModelSpec, ModelAccess, str], ChatModel]:
    """The function that opens this provider's models; ImportError when its library is not installed."""
    match provider:
        case "anthropic":
            return _opener_anthropic()
        case "bedrock":
            return _opener_bedrock()
        case "google":
            return _opener_google()
        case _:
            return _opener_openai()


def _opener_anthropic() -> Callable[[ModelSpec, ModelAccess, str], ChatModel]:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    def open_(spec: ModelSpec, access: ModelAccess, base_url: str) -> ChatModel:
        http = _http_client(access)
        provider = AnthropicProvider(api_key=access.api_key or _NO_KEY, base_url=base_url or None, http_client=http)
        return ProviderModel(AnthropicModel(spec.name, provider=provider), spec, access, hang_up=http.aclose)

    return open_


def _opener_bedrock() -> Callable[[ModelSpec, ModelAccess, str], ChatModel]:
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider

    from app.llm.bedrock import bedrock_client

    def open_(spec: ModelSpec, access: ModelAccess, base_url: str) -> ChatModel:
        client = bedrock_client(access, base_url)

        async def hang_up() -> None:
            await asyncio.to_thread(client.close)

        model = BedrockConverseModel(spec.name, provider=BedrockProvider(bedrock_client=client))
        return ProviderModel(model, spec, access, hang_up=hang_up)

    return open_


def _opener_google() -> Callable[[ModelSpec, ModelAccess, str], ChatModel]:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    def open_(spec: ModelSpec, access: ModelAccess, base_url: str) -> ChatModel:
        http = _http_client(access)
        provider = GoogleProvider(api_key=access.api_key or _NO_KEY, base_url=base_url or None, http_client=http)
        return ProviderModel(GoogleModel(spec.name, provider=provider), spec, access, hang_up=http.aclose)

    return open_


def _opener_openai() -> Callable[[ModelSpec, ModelAccess, str], ChatModel]:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.ollama import OllamaProvider
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    def open_(spec: ModelSpec, access: ModelAccess, base_url: str) -> ChatModel:
        http = _http_client(access)
        key = access.api_key or _NO_KEY
        model: Model
        if spec.provider == "ollama":
            ollama = OllamaProvider(base_url=base_url or _OLLAMA_URL, api_key=key, http_client=http)
            model = OllamaModel(spec.name, provider=ollama)
        elif spec.provider == "openai":
            openai = OpenAIProvider(base_url=base_url or _OPENAI_URL, api_key=key, http_client=http)
            model = OpenAIChatModel(spec.name, provider=openai)
        else:
            other = OpenAICompatibleProvider(spec.provider, base_url=base_url, api_key=key, http_client=http)
            model = OpenAIChatModel(spec.name, provider=other)
        return ProviderModel(model, spec, access, hang_up=http.aclose)

    return open_


def _http_client(access: ModelAccess) -> httpx2.AsyncClient:
    """A client that takes nothing from the environment and follows no redirect: keys must not travel."""
    context = ssl.create_default_context()
    if access.ca_file:
        context.load_verify_locations(access.ca_file)
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(access.deadline.total_seconds(), connect=access.connect_deadline.total_seconds()),
        verify=context,
        proxy=access.proxy or None,
        trust_env=False,
        follow_redirects=False,
    )


def _best_mode(model: Model) -> OutputMode:
    profile = model.profile
    if profile.get("supports_json_schema_output", False):
        return "native"
    return "tool" if profile.get("supports_tools", True) else "text"


def _is_clear(error: ModelHTTPError) -> bool:
    """Whether the provider said what is wrong, which then is not the schema."""
    return isinstance(
        error,
        ModelAuthenticationError | ModelContextWindowExceededError | ModelNotFoundError | ModelQuotaExceededError,
    )


def _parameters(question: Question, mode: OutputMode) -> ModelRequestParameters:
    match mode:
        case "native":
            schema = OutputObjectDefinition(json_schema=question.schema, name=question.schema_name)
            return ModelRequestParameters(output_mode="native", output_object=schema)
        case "tool":
            tool = ToolDefinition(name=question.schema_name, parameters_json_schema=question.schema, kind="output")
            return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
        case "text":
            return ModelRequestParameters(output_mode="text")


def _messages(question: Question) -> list[ModelMessage]:
    def ours(text: str) -> ModelRequest:
        return ModelRequest(parts=[UserPromptPart(text)], instructions=question.instructions)

    messages: list[ModelMessage] = [ours(question.prompt)]
    for one in question.tries:
        # Some providers refuse an empty assistant message.
        messages += [ModelResponse(parts=[TextPart(one.answer or "(empty)")]), ours(one.problem)]
    return messages


def _answer(response: ModelResponse) -> Answer:
    if response.finish_reason == "content_filter":
        raise ModelRefused("model refused")
    called = [part.args_as_json_str() for part in response.parts if isinstance(part, ToolCallPart)]
    said = [part.content for part in response.parts if isinstance(part, TextPart)]
    usage = response.usage
    return Answer(
        text=called[0] if called else "".join(said),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cache_read_tokens,
        cut_off=response.finish_reason == "length",
    )
