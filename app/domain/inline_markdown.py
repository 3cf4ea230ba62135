"""One line of foreign text as Markdown that can do nothing: code spans, allowed links, and inert text."""

import html
import re
from collections.abc import Collection, Iterator
from html.entities import html5
from urllib.parse import urlsplit

from app.domain.invisible import strip_invisible

# A backslash escape, a run of backticks, or anything else.
_PIECES = re.compile(r"\\[!-/:-@\[-`{-~]|`+|[^\\`]+|\\")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ADDRESSES = re.compile(
    r"""
      !*\[(?P<label>[^\[\]\n]{1,300})\]\((?P<target>https?://[^\s()<>]{1,500})\)
    | <(?P<angled>https?://[^\s<>]{1,500})>
    | (?P<url>(?:[A-Z][A-Z0-9+.-]{1,20}://|www\.|mailto:|xmpp:)[^\s<>]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# What belongs to the sentence around an address or a word, not to it.
_TRAILING = ".,;:!?'\")]}*_~"
_ALLOWED_URL = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(?:/[A-Za-z0-9._~/?#=&%+,:;-]*)?")
# The address of an issue or a pull request leaves a trace on the page it names, so it is shown and not linked.
_CROSS_REFERENCE = re.compile(
    r"/(?:issues|pull|pulls|merge_requests|work_items|epics|discussions|commit)/", re.IGNORECASE
)
_WORD = re.compile(r"[\w.+/@#!&$-]+")
# A mention, an e-mail address, a reference (#1, !1, &1, GH-1), a formula.
_LIVE = re.compile(r"@\w|[#!&]\d|(?<![^\W_])GH-\d|\$", re.IGNORECASE)
# Escaped emphasis stays escaped: while a line is worked on, a private-use character stands for it (those of the input
# are gone by then).
_KEPT_ESCAPES = {"*": "\ue000", "~": "\ue001"}
_RESTORED = {"\ue000": "\\*", "\ue001": "\\~"}
_SPECIAL = re.compile(
    r"""
      [`<\ue000\ue001]          # inline code, HTML, an escape we keep
    | &(?=\#?\w{1,32};)         # an entity that was meant as text
    | \](?=[(\[:])              # a link's or a definition's middle
    | :(?=//)                   # an address that was none
    | \[(?=[\[^])               # a table of contents, a footnote
    | !(?=\[)                   # an image
    | \\(?![A-Za-z0-9 ])        # an escape
    """,
    re.VERBOSE,
)
_NAMED = {"<": "&lt;", "&": "&amp;"}
_EMPHASIS = re.compile(r"[*~|]|(?<![^\W_])_|_(?![^\W_])")


def inert(line: str, hosts: Collection[str], *, plain: bool = False) -> str:
    """The line, which holds no line end or invisible character; `plain` also takes emphasis and bars for text."""
    written = ""
    for kind, piece in _segments(line):
        for part in [code(piece)] if kind == "code" else _text_parts(piece, hosts, plain):
            # Two code spans that touch would be read as one.
            written += " " + part if written.endswith("`") and part.startswith("`") else part
    return written


def code(text: str) -> str:
    """Inline code whatever the text holds: a path, a command, an address."""
    text = strip_invisible(text).replace("\n", "␤").replace("\t", " ")
    if not text.strip():
        return ""
    fence = "`" * (longest_run(text) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def longest_run(text: str) -> int:
    """How many backticks stand side by side at most."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _segments(line: str) -> Iterator[tuple[str, str]]:
    """("code", content) and ("text", literal text) in order; a run of backticks without its equal is text."""
    pieces = [match[0] for match in _PIECES.finditer(line)]
    closers: dict[int, list[int]] = {}
    for index in range(len(pieces) - 1, -1, -1):
        if pieces[index].startswith("`"):
            closers.setdefault(len(pieces[index]), []).append(index)
    text, index = "", 0
    while index < len(pieces):
        piece = pieces[index]
        close = _next(closers.get(len(piece), []), index) if piece.startswith("`") else None
        if close is None:
            text += _literal(piece)
            index += 1
            continue
        yield "text", text
        yield "code", _unpadded("".join(pieces[index + 1 : close]))
        text, index = "", close + 1
    yield "text", text


def _next(descending: list[int], after: int) -> int | None:
    while descending and descending[-1] <= after:
        descending.pop()
    return descending[-1] if descending else None


def _unpadded(content: str) -> str:
    padded = content.startswith(" ") and content.endswith(" ") and content.strip()
    return content[1:-1] if padded else content


def _literal(piece: str) -> str:
    """What the reader sees: escapes and entities resolved."""
    if len(piece) == 2 and piece[0] == "\\":
        return _KEPT_ESCAPES.get(piece[1], piece[1])
    return _ENTITY.sub(_character, piece)


def _character(entity: re.Match[str]) -> str:
    name = entity[0][1:]
    char = html.unescape(entity[0]) if name.startswith("#") else html5.get(name, entity[0])
    return _KEPT_ESCAPES.get(char, strip_invisible(char).replace("\n", " ").replace("\t", " "))


def _text_parts(text: str, hosts: Collection[str], plain: bool) -> Iterator[str]:
    text = _ADDRESSES.sub(lambda match: _spelled_out(match, hosts), text)
    end = 0
    for match in _ADDRESSES.finditer(text):
        yield from _word_parts(text[end : match.start()], plain)
        end = match.end()
        if match["label"] is not None:
            yield from _link_parts(match["label"], match["target"], hosts, plain)
        else:
            url = match["angled"] or match["url"].rstrip(_TRAILING)
            end -= len(match[0]) - len(url) if match["url"] else 0
            # The explicit form ends where we say, whatever stands beside it.
            yield f"<{url}>" if _allowed(url, hosts) else code(_shown(url))
    yield from _word_parts(text[end:], plain)


def _spelled_out(match: re.Match[str], hosts: Collection[str]) -> str:
    if match["label"] is None or _allowed(match["target"], hosts):
        return match[0]
    return f"{match['label']} ({match['target']})"


def _link_parts(label: str, target: str, hosts: Collection[str], plain: bool) -> Iterator[str]:
    if _allowed(target, hosts):
        words = code(_shown(label)) if _ADDRESSES.search(label) else "".join(_word_parts(label, plain))
        yield f"[{words}]({target})"
        return
    # Spelling out the links around it made a new one: it stays text.
    yield from _word_parts(f"[{label}](", plain)
    yield code(_shown(target))
    yield ")"


def _word_parts(text: str, plain: bool) -> Iterator[str]:
    end = 0
    for match in _WORD.finditer(text):
        if _LIVE.search(match[0]) is None:
            continue
        word = match[0].rstrip(_TRAILING)
        yield _escaped(text[end : match.start()], plain)
        yield code(_shown(word))
        end = match.start() + len(word)
    yield _escaped(text[end:], plain)


def _allowed(url: str, hosts: Collection[str]) -> bool:
    if _ALLOWED_URL.fullmatch(url) is None or _CROSS_REFERENCE.search(url):
        return False
    return urlsplit(url).netloc.lower() in hosts


def _shown(text: str) -> str:
    """For inline code, where nothing needs an escape."""
    return text.replace("\ue000", "*").replace("\ue001", "~")


def _escaped(text: str, plain: bool) -> str:
    text = _SPECIAL.sub(_entity, text)
    return _EMPHASIS.sub(_entity, text) if plain else text


def _entity(special: re.Match[str]) -> str:
    char = special[0]
    return _RESTORED.get(char) or _NAMED.get(char) or f"&#{ord(char)};"
