"""Names of models as people type them."""

import pytest

from app.domain.errors import UserError
from app.llm.models import ModelAccess, ModelSpec, open_model


@pytest.mark.parametrize(
    ("text", "provider", "name", "base_url"),
    [
        ("anthropic:claude-x", "anthropic", "claude-x", ""),
        ("openai:gpt-x", "openai", "gpt-x", ""),
        ("ollama:qwen3:8b", "ollama", "qwen3:8b", ""),
        (" openai-compatible:org/m@http://gpu:8000/v1 ", "openai-compatible", "org/m", "http://gpu:8000/v1"),
        ("openai-compatible:org/m", "openai-compatible", "org/m", ""),
        ("scripted:/srv/a:b.json", "scripted", "/srv/a:b.json", ""),
    ],
)
def test_a_name_is_read(text: str, provider: str, name: str, base_url: str) -> None:
    assert ModelSpec.parse(text) == ModelSpec(provider=provider, name=name, base_url=base_url)


@pytest.mark.parametrize("text", ["", "gpt-x", "antropic:x", "openai:", ":x", "https://host/v1"])
def test_a_wrong_name_gets_the_list(text: str) -> None:
    with pytest.raises(UserError) as caught:
        ModelSpec.parse(text)
    assert repr(text) in str(caught.value)
    assert "anthropic:NAME, openai:NAME" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "access", "says"),
    [
        ("openai:x", ModelAccess(), "'openai:x' needs an API key. Set OPENAI_API_KEY."),
        ("anthropic:x", ModelAccess(), "'anthropic:x' needs an API key. Set ANTHROPIC_API_KEY."),
        ("bedrock:x", ModelAccess(), "Bedrock needs a region; set bedrock_region."),
        ("bedrock:x", ModelAccess(api_key="k", base_url="http://h"), "Bedrock takes a key through https only"),
        ("openai-compatible:x", ModelAccess(), "needs the address of its server"),
        ("openai:x", ModelAccess(base_url="file:///etc/passwd"), "is not a model server's address"),
        ("openai:x", ModelAccess(base_url="http://user:pass@host/v1"), "is not a model server's address"),
        ("scripted:/no/such/file.json", ModelAccess(), "cannot be read: No such file or directory."),
    ],
)
def test_what_is_missing_is_said(text: str, access: ModelAccess, says: str) -> None:
    with pytest.raises(UserError) as caught:
        open_model(ModelSpec.parse(text), access)
    assert says in str(caught.value)
    assert "pass@" not in str(caught.value)


async def test_an_installed_provider_opens_without_a_request() -> None:
    model = open_model(ModelSpec.parse("anthropic:claude-haiku-4-5"), ModelAccess(api_key="k" * 20))
    assert model.label == "anthropic:claude-haiku-4-5"
    assert model.price(input_tokens=1_000, output_tokens=1_000)
    await model.close()


def test_a_key_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(ModelAccess(api_key="s3cret-key"))
