"""Characters that people do not see but parsers do: removed from every text that we print."""

import re
import unicodedata

# Letters and marks that render as nothing although their category says otherwise: the fillers of Hangul, the combining
# grapheme joiner, variation selectors (which can carry a hidden message), the Khmer and Mongolian invisible marks.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029\v\f]")
# Control, format (bidi, zero width, tags), surrogate, private use, unassigned.
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def strip_invisible(text: str) -> str:
    """The text without them; every kind of line end becomes a line feed, tabs stay."""
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char for char in text if char in "\n\t" or char.isprintable() or unicodedata.category(char) not in _UNWANTED
    )


def hidden_in(text: str) -> str:
    """What `strip_invisible` takes out of a line and no honest text needs there: emoji are drawn with some of it."""
    text = text.rstrip("\r").removeprefix("\ufeff")
    if text.isascii() and text.isprintable():
        return ""
    return "".join(
        character
        for before, character in zip("\n" + text, text, strict=False)
        if character not in "\n\t\f" and not strip_invisible(character) and not _draws(before, character)
    )


def _draws(before: str, character: str) -> bool:
    """Whether it belongs to the emoji before it: how that is drawn, or that it is one with the next."""
    return character in "\ufe0e\ufe0f\u200d" and (before == "\ufe0f" or unicodedata.category(before) in {"So", "Sk"})
