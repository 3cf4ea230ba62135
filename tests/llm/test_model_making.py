"""Which models a repository's code may be read by, and which of them are there."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import JsonValue

from app.domain.errors import UserError
from app.metrics import Metrics
from app.model_making import Models, allowed_models
from app.settings import Settings

SCRIPT = '{"answers": []}'


@asynccontextmanager
async def models(folder: Path, **given: JsonValue) -> AsyncGenerator[Models]:
    for name in "abc":
        (folder / f"{name}.json").write_text(SCRIPT)
    named = {key: _in(folder, value) for key, value in given.items()}
    made = Models(Settings.model_validate({"home": folder, **named}), Metrics())
    try:
        yield made
    finally:
        await made.close()


def _in(folder: Path, value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_in(folder, one) for one in value]
    return f"scripted:{folder}/{value}.json" if isinstance(value, str) and len(value) == 1 else value


@pytest.mark.parametrize(
    ("globs", "allowed"),
    [
        ([], ["anthropic:x", "openai:y"]),
        (["anthropic:*"], ["anthropic:x"]),
        (["openai:y", "ollama:*"], ["openai:y"]),
    ],
)
def test_an_owner_may_be_kept_from_models(tmp_path: Path, globs: list[str], allowed: list[str]) -> None:
    settings = Settings.model_validate({"home": tmp_path, "organisations": {"acme": {"models": globs}}})
    assert allowed_models(settings, ["anthropic:x", "", "openai:y", "anthropic:x"], "acme/shop") == allowed
    assert allowed_models(settings, ["anthropic:x"], "other/shop") == ["anthropic:x"]


async def test_where_none_is_allowed_none_is_opened(tmp_path: Path) -> None:
    async with models(tmp_path, model="a", organisations={"acme": {"models": ["ollama:*"]}}) as made:
        for asked in (made.model("acme/shop"), made.finders("acme/shop")):
            with pytest.raises(UserError, match="none of the configured models may read the code of acme"):
                await asked
        assert (await made.model("other/shop")).label.startswith("scripted:")


async def test_one_that_cannot_be_opened_has_its_stand_in(tmp_path: Path) -> None:
    async with models(tmp_path, model="openai:x", fallback_models=["b"]) as made:
        assert (await made.model("acme/shop")).label == "scripted:b.json"
    async with models(tmp_path, model="openai:x", fallback_models=["anthropic:y"]) as made:
        with pytest.raises(UserError, match="'openai:x' needs an API key"):
            await made.model("acme/shop")


async def test_passes_go_to_the_finders_that_are_allowed(tmp_path: Path) -> None:
    policy: JsonValue = {"acme": {"models": ["scripted:*/[ac].json"]}}
    async with models(tmp_path, model="a", finder_models=["b", "c"], organisations=policy) as made:
        assert [one.label for one in await made.finders("other/shop")] == ["scripted:b.json", "scripted:c.json"]
        assert [one.label for one in await made.finders("acme/shop")] == ["scripted:c.json"]
    async with models(tmp_path, model="a") as made:
        assert [one.label for one in await made.finders("acme/shop")] == ["scripted:a.json"]


async def test_lists_come_from_the_environment_as_well() -> None:
    settings = Settings.model_validate({"home": Path("/"), "fallback_models": "openai:a, openai:b"})
    assert settings.fallback_models == ("openai:a", "openai:b")
