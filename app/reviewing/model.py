"""Which model a review on the command line uses, and what is offered when there is none."""

import asyncio
import shlex
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from app.domain.phrases import dollars
from app.domain.secrets import Redactor
from app.llm.chat import ChatModel
from app.llm.models import ModelSpec, check_access, open_model
from app.llm.prices import dollars as price
from app.llm.prices import estimate_tokens
from app.model_access import model_access
from app.reviewing.work import OpenModel, OpenReaders, Readers
from app.settings import FOREIGN_NAMES, Settings
from reviewers.base import Change

# Whose price stands for a provider's in an estimate: its usual model for code.
_PRICED_AS = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-5", "google": "gemini-2.5-pro"}
# How long is an answer about one batch, measured over reviews with a few findings?
_ANSWER_TOKENS = 1_200


def model_for(settings: Settings, asked: str) -> OpenModel | None:
    """The model that was asked for, else the settings' one, else none: a key alone is never a reason to use it."""
    name = asked or settings.model
    return _opening(settings, name) if name else None


def readers_for(settings: Settings, asked: str) -> OpenReaders | None:
    """All that the settings name, as on a server; a model that was asked for makes every pass itself."""
    name = asked or settings.model
    if not name:
        return None
    # Said before anything is fetched or read.
    for one in (name, settings.check_model, *settings.finder_models, *settings.fallback_models):
        if one:
            spec = ModelSpec.parse(one)
            check_access(spec, model_access(settings, spec))

    @asynccontextmanager
    async def opened(repo_name: str) -> AsyncGenerator[Readers]:
        # Imported here: a review by analysers alone counts no calls.
        from app.metrics import Metrics
        from app.model_making import Models

        models = Models(settings, Metrics(), patience=timedelta())
        try:
            yield Readers(
                model=await models.model(repo_name, name),
                finders=() if asked else await models.finders(repo_name),
                check_model=await models.check_model(repo_name),
            )
        finally:
            await models.close()

    return opened


def _opening(settings: Settings, name: str) -> OpenModel:
    spec = ModelSpec.parse(name)
    access = model_access(settings, spec)

    async def open_it() -> ChatModel:
        # In a thread: a provider's library takes seconds to import.
        return await asyncio.to_thread(open_model, spec, access)

    return open_it


async def offers(settings: Settings, change: Change, target: str) -> list[str]:
    """Ways to a model, with what this very change would cost where the price is known."""
    where = "" if target == "." else f" {shlex.quote(target)}"
    ways = await _ways(settings, change)
    rows = [(f"corrigent review{where} --model {model}", why) for model, why in ways]
    width = max(len(command) for command, _ in rows)
    return [f"{command:<{width}}    {why}" for command, why in rows]


async def _ways(settings: Settings, change: Change) -> list[tuple[str, str]]:
    origins = {name: origin for name, _, origin in settings.describe()}
    set_keys = [provider for provider in _PRICED_AS if getattr(settings, f"{provider}_api_key") is not None]
    tokens = await _prompt_tokens(change, settings.secret_values()) if set_keys else []
    ways: list[tuple[str, str]] = []
    for provider in set_keys:
        amount = _estimate(provider, tokens)
        cost = "" if amount is None else f" · about {dollars(amount)} for this change with {_PRICED_AS[provider]}"
        ways.append((f"{provider}:NAME", f"{origins[f'{provider}_api_key']} is set{cost}"))
    if not set_keys:
        names = [name for name, setting in FOREIGN_NAMES.items() if setting.endswith("_api_key")]
        ways.append(("PROVIDER:NAME", f"with one of {', '.join(names)} set"))
    return [*ways, ("ollama:NAME", "stays on this machine")]


async def _prompt_tokens(change: Change, secrets: Sequence[str]) -> list[int]:
    """The size of each question that would be asked, from the questions themselves."""
    from reviewers.bug_hunter.questions import questions

    asked = await questions(change, Redactor(secrets))
    return [estimate_tokens(one.instructions) + estimate_tokens(one.prompt) for one in asked]


def _estimate(provider: str, tokens: Sequence[int]) -> float | None:
    answers = _ANSWER_TOKENS * len(tokens)
    return price(provider, _PRICED_AS[provider], input_tokens=sum(tokens), output_tokens=answers)
