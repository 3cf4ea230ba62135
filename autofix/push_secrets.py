"""Secrets in lines that a fix adds: known families, and strings too random to be anybody's words."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from app.domain import secrets
from autofix.patches import FilePatch

# A run of characters that keys and tokens are made of; with "/" and "+" only where it is base64 of some length.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,}|[A-Za-z0-9+/]{40,}={0,2}")
# The parts of camel case, snake case and kebab case: where most letters stand in real words, it is a name.
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
# Random base62 of 20 characters has about 4 bits a character, random hex of 32 about 3.5.
_BITS, _BITS_HEX = 3.7, 3.2


def find(file: FilePatch) -> Iterator[tuple[int, str]]:
    """Line and family of each secret that the file's patch adds; never the secret itself."""
    added = list(file.added)
    text = "\n".join(line for _, line in added)
    for hit in secrets.find(text):
        yield added[text.count("\n", 0, hit.start)][0], hit.family
    for number, line in added:
        if any(_is_random(token) for token in _TOKEN.findall(line)):
            yield number, "random string"


def _is_random(token: str) -> bool:
    body = token.rstrip("=")
    if sum(character.isdigit() for character in body) < 2:
        return False
    if _HEX.fullmatch(body):
        return len(body) >= 32 and _entropy(body) >= _BITS_HEX
    return not _is_name(body) and _entropy(body) >= _BITS


def _is_name(token: str) -> bool:
    letters = sum(character.isalpha() for character in token)
    return sum(len(piece) for piece in _PIECES.findall(token) if len(piece) >= 3) >= letters / 2


def _entropy(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
