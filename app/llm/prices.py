"""Dollars for tokens, from the price list that comes with the installation: nothing is downloaded."""

# The words of our specs -> the price list's provider ids.
_PROVIDERS = {"anthropic": "anthropic", "bedrock": "aws", "google": "google", "openai": "openai"}

# About how many characters are a token? English prose has 4 to 5, code about 3.3; we would rather stop early.
_CHARACTERS_PER_TOKEN = 3.2


def dollars(
    provider: str, model: str, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0
) -> float | None:
    """The price of a request; None when the list does not know the model. `input_tokens` includes the cached ones."""
    if provider not in _PROVIDERS:
        return None
    # 12 MB and 0.1 s that a review without a priced model does not need.
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens, cache_read_tokens=cached_tokens)
    try:
        return float(calc_price(usage, model, provider_id=_PROVIDERS[provider]).total_price)
    except LookupError:
        return None


def estimate_tokens(text: str) -> int:
    """An upper guess without a tokenizer; beyond ASCII every character counts as one token."""
    plain = len(text.encode("ascii", "ignore"))
    return int(plain / _CHARACTERS_PER_TOKEN) + (len(text) - plain) + 1
