"""Conversations with tools at real providers, through pydantic-ai's direct API: one streamed request at a time."""

import httpx2
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponseStreamEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from app.domain.conversation import Answered, Opening, Result, Shortened, Told, ToolCall
from app.domain.errors import UserError
from app.llm.chat import ModelRefused, ModelUnavailable
from app.llm.models import ModelAccess, ModelSpec, open_model
from app.llm.provider_errors import translated
from app.llm.providers import ProviderModel, request_settings
from app.llm.talk import Hear, TalkingModel, TalkRequest, ToolSpec

# What do we believe of a model that no list knows?
_DEFAULT_WINDOW = 128_000


def open_talking_model(spec: ModelSpec, access: ModelAccess | None = None) -> TalkingModel:
    """The model, not yet connected; imports its provider's library as `open_model` does: call it in a thread."""
    access = access or ModelAccess()
    opened = None if spec.provider == "scripted" else open_model(spec, access)
    if not isinstance(opened, ProviderModel):
        raise UserError(f"'{spec}' cannot use tools.")
    return DirectModel(opened, spec, access)


class DirectModel:
    """A provider's model in conversation."""

    def __init__(self, opened: ProviderModel, spec: ModelSpec, access: ModelAccess) -> None:
        self._opened = opened
        self._spec = spec
        self._access = access

    @property
    def label(self) -> str:
        return self._opened.label

    @property
    def window(self) -> int:
        return self._opened.model.context_window or _DEFAULT_WINDOW

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return self._opened.price(input_tokens=input_tokens, output_tokens=output_tokens, cached_tokens=cached_tokens)

    async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
        try:
            return _answered(await self._streamed(request, hear))
        except (AgentRunError, httpx2.HTTPError) as error:
            # Theirs quotes the request, so it does not go on as a cause.
            raise translated(error, self._spec, self._access) from None

    async def close(self) -> None:
        await self._opened.close()

    async def _streamed(self, request: TalkRequest, hear: Hear) -> ModelResponse:
        stream = model_request_stream(
            self._opened.model,
            _messages(request),
            model_settings=self._settings(request),
            model_request_parameters=ModelRequestParameters(function_tools=[_definition(one) for one in request.tools]),
            instrument=False,
        )
        async with stream as response:
            async for event in response:
                if said := _said(event):
                    hear(said)
        return response.get()

    def _settings(self, request: TalkRequest) -> ModelSettings:
        settings = request_settings(self._spec, self._access, request.max_output_tokens)
        if self._spec.provider == "anthropic":
            # The others cache by themselves what begins alike; here it has to be asked for, and writing costs a quarter
            # more, which the second step has back.
            settings["cache"] = True
        return settings


def _said(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""


def _definition(tool: ToolSpec) -> ToolDefinition:
    return ToolDefinition(name=tool.name, description=tool.description, parameters_json_schema=tool.schema)


def _messages(request: TalkRequest) -> list[ModelMessage]:
    """Ours and theirs in turn: results, and what was told after them, are one message."""
    messages: list[ModelMessage] = []
    ours: list[ModelRequestPart] = []
    instructions = ""
    for message in request.messages:
        match message:
            case Opening():
                instructions = message.instructions
                ours.append(UserPromptPart(message.text))
            case Told():
                ours.append(UserPromptPart(message.text))
            case Result():
                ours.append(_returned(message, request))
            case Answered():
                messages += [ModelRequest(parts=ours, instructions=instructions), _response(message)]
                ours = []
            case Shortened():
                raise ValueError("a request holds messages that are shortened already")
    if ours:
        messages.append(ModelRequest(parts=ours, instructions=instructions))
    return messages


def _returned(result: Result, request: TalkRequest) -> ToolReturnPart:
    picture = request.pictures.get(result.picture_key)
    return ToolReturnPart(
        tool_name=result.tool,
        tool_call_id=result.call_id,
        content=[result.text, BinaryContent(picture, media_type="image/png")] if picture else result.text,
        outcome="failed" if result.failed else "success",
    )


def _response(answered: Answered) -> ModelResponse:
    if answered.native:
        (response,) = ModelMessagesTypeAdapter.validate_json(answered.native)
        if isinstance(response, ModelResponse):
            return response
    calls = [
        ToolCallPart(tool_name=call.name, args=call.arguments, tool_call_id=call.call_id) for call in answered.calls
    ]
    # Some providers refuse an empty assistant message.
    said = [TextPart(answered.text or "(empty)")] if answered.text or not calls else []
    return ModelResponse(parts=[*said, *calls])


def _answered(response: ModelResponse) -> Answered:
    if response.finish_reason == "content_filter":
        raise ModelRefused("model refused")
    if _broke_off(response):
        raise ModelUnavailable("model's answer broke off")
    plain = all(isinstance(part, TextPart | ToolCallPart) and part.provider_details is None for part in response.parts)
    said = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    usage = response.usage
    return Answered(
        # Half a character, escaped in JSON, cannot be stored.
        text=said.encode("utf-8", "replace").decode(),
        calls=tuple(
            ToolCall(call_id=part.tool_call_id, name=part.tool_name, arguments=part.args_as_json_str())
            for part in response.parts
            if isinstance(part, ToolCallPart)
        ),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cache_read_tokens,
        cut_off=response.finish_reason == "length",
        native="" if plain else ModelMessagesTypeAdapter.dump_json([response]).decode(),
    )


def _broke_off(response: ModelResponse) -> bool:
    """A stream that ends without saying why was cut off on its way; some servers never say why, and count instead."""
    said_why = (response.provider_details or {}).get("finish_reason") is not None
    uncounted = not said_why and not response.usage.output_tokens
    return response.state != "complete" or response.finish_reason is None or uncounted
