"""File names as git writes them into patches: plain, or in double quotes with C's escapes."""

_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}


class BadName(Exception):
    """A name that git would not have written so, or that nobody may use; one sentence."""


def unquoted(text: str) -> str:
    """The name behind the quotes; BadName when the quotes or escapes are broken."""
    if not text.startswith('"'):
        return text
    name, rest = _quoted(text)
    if rest:
        raise BadName(f"The file name {text[:80]!r} in the patch goes on behind its quotes.")
    return name


def split_names(text: str) -> str:
    """The one name of `a/NAME b/NAME`, where nothing is renamed."""
    if text.startswith('"'):
        old, rest = _quoted(text)
        new = unquoted(rest.removeprefix(" "))
    else:
        # The same name twice: the blank between them stands in the middle, whatever blanks the name has.
        middle = (len(text) - 1) // 2
        old, new = text[:middle], text[middle + 1 :]
        if text[middle : middle + 1] != " ":
            raise BadName(f"The file names in {text[:80]!r} of the patch differ.")
    if not old.startswith("a/") or new != f"b/{old[2:]}":
        raise BadName(f"The file names in {text[:80]!r} of the patch differ.")
    return old[2:]


def same_name(text: str, old: str, new: str) -> bool:
    """Whether `text` is those two names with a blank between them, quoted or not."""
    try:
        said, rest = _quoted(text) if text.startswith('"') else (text[: len(old)], text[len(old) :])
        return said == old and rest.startswith(" ") and unquoted(rest[1:]) == new
    except BadName:
        return False


def quoted(name: str) -> str:
    """The name as git writes it."""
    if name.isascii() and name.isprintable() and '"' not in name and "\\" not in name:
        return name
    plain = (chr(b) if 32 <= b < 127 and b not in {34, 92} else f"\\{b:03o}" for b in name.encode("utf-8"))
    return f'"{"".join(plain)}"'


def _quoted(text: str) -> tuple[str, str]:
    """The name inside the quotes that `text` begins with, and what follows them."""
    name = bytearray()
    position = 1
    while position < len(text) and text[position] != '"':
        character = text[position]
        if character != "\\":
            name += character.encode("utf-8", "surrogateescape")
            position += 1
            continue
        byte, length = _escaped(text, position + 1)
        name.append(byte)
        position += 1 + length
    if position >= len(text):
        raise BadName(f"The file name {text[:80]!r} in the patch has no closing quote.")
    return name.decode("utf-8", "surrogateescape"), text[position + 1 :]


def _escaped(text: str, position: int) -> tuple[int, int]:
    """The byte of an escape, and how many characters stand for it."""
    digits = text[position : position + 3]
    if len(digits) == 3 and all(digit in "01234567" for digit in digits) and int(digits, 8) < 256:
        return int(digits, 8), 3
    if digits[:1] in _ESCAPES and digits:
        return _ESCAPES[digits[0]], 1
    raise BadName(f"The file name {text[:80]!r} in the patch has a broken escape.")
