"""The language model: can it be opened, and, when asked for by name, does it answer?"""

from app.doctor.base import Ground, Line
from app.domain.errors import RateLimited, UserError
from app.llm.chat import ChatModel, ModelRefused, ModelUnavailable, Question
from app.llm.models import ModelSpec
from app.reviewing.model import model_for
from app.settings import Settings

PART = "model"
THEN = "then: corrigent doctor model"
_KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "bedrock": "AWS_BEARER_TOKEN_BEDROCK",
    "google": "GOOGLE_API_KEY",
    "openai": "OPENAI_API_KEY",
}
_HELLO = Question(
    instructions='Answer with the JSON object {"ok": true} and nothing else.',
    prompt="Are you there?",
    schema_name="hello",
    schema={"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]},
    max_output_tokens=200,
)


async def check_model(ground: Ground) -> Line:
    """Nothing is sent, and nothing paid, unless this part was asked for by name."""
    settings = ground.settings
    try:
        open_it = model_for(settings, "")
        if open_it is None:
            return Line("wait", PART, "none: linters only. CORRIGENT_MODEL sets one")
        model = await open_it()
    except UserError as error:
        return Line("FAIL", PART, str(error), _next_step(settings, str(error)))
    try:
        if not ground.asked:
            return Line("ok", PART, f"{model.label}, not asked; `corrigent doctor model` does")
        return await _ask(model, settings)
    finally:
        await model.close()


async def _ask(model: ChatModel, settings: Settings) -> Line:
    try:
        answer = await model.ask(_HELLO)
    except UserError as error:
        return Line("FAIL", PART, str(error), _next_step(settings, str(error)))
    except RateLimited as error:
        return Line("wait", PART, f"{model.label} answers, and wants us to wait until {error.until:%H:%M} UTC")
    except (ModelUnavailable, ModelRefused) as error:
        where = f"see that {settings.model_base_url or 'its server'} can be reached from here, {THEN}"
        return Line("FAIL", PART, f"{model.label}: {error}", where)
    cost = model.price(input_tokens=answer.input_tokens, output_tokens=answer.output_tokens)
    priced = "price unknown: budgets count nothing" if cost is None else "price known"
    return Line("ok", PART, f"{model.label} answers, {priced}")


def _next_step(settings: Settings, reason: str) -> str:
    if "region" in reason:
        return f"set CORRIGENT_BEDROCK_REGION or `bedrock_region` in {settings.settings_file}, {THEN}"
    if "key" in reason:
        return f"put a valid key in {_key_name(settings)}, {THEN}"
    return f"correct CORRIGENT_MODEL or `model` in {settings.settings_file}, {THEN}"


def _key_name(settings: Settings) -> str:
    provider = ModelSpec.parse(settings.model).provider
    return _KEYS.get(provider, "CORRIGENT_MODEL_KEY") if settings.model_key is None else "CORRIGENT_MODEL_KEY"
