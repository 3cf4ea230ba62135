"""Reads GraphQL documents: just the language of requests, into fields with aliases, arguments and selections."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_TOKEN = re.compile(
    r'[\s,\ufeff]+|#[^\n]*|(?P<string>"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<mark>\.\.\.|[!$&()\[\]{}:=@|])"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class BadDocument(Exception):
    """The document cannot be read, or asks for what does not exist."""


@dataclass(frozen=True)
class Variable:
    name: str


@dataclass(frozen=True)
class Field:
    """A field that is asked for; `on` is the type of the fragment around it, if any."""

    name: str
    alias: str
    arguments: Mapping[str, object]
    selections: tuple["Field", ...]
    on: str | None = None


@dataclass(frozen=True)
class Operation:
    kind: str
    name: str | None
    defaults: Mapping[str, object]
    selections: tuple[Field, ...]


def read_document(text: str, operation_name: str | None) -> Operation:
    """The operation to run: the named one, or the only one."""
    return _Reader(_tokens(text)).document(operation_name)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise BadDocument(f"Expected one of a name or a mark, actual: {text[position]!r}")
        if found.lastgroup is not None:
            tokens.append((found.lastgroup, found[0]))
        position = found.end()
    return tokens


class _Reader:
    """Walks over the tokens of one document."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._position = 0
        self._fragments: dict[str, tuple[str, tuple[Field, ...]]] = {}

    def document(self, wanted: str | None) -> Operation:
        self._read_fragments()
        operations: list[Operation] = []
        self._position = 0
        while self._peek() != "":
            if self._peek() == "fragment":
                self._skip_definition()
            else:
                operations.append(self._operation())
        chosen = [one for one in operations if wanted is None or one.name == wanted]
        if len(chosen) != 1:
            raise BadDocument("An operation name is required" if wanted is None else f"No operation named {wanted!r}")
        return chosen[0]

    def _read_fragments(self) -> None:
        """Fragments may stand after their use, so they are read first; one may use those before it."""
        while self._peek() != "":
            if self._peek() != "fragment":
                self._skip_definition()
                continue
            self._take("fragment")
            name = self._name()
            self._take("on")
            kind = self._name()
            self._skip_directives()
            self._fragments[name] = (kind, self._selections())

    def _operation(self) -> Operation:
        kind, name, defaults = "query", None, {}
        if self._peek() != "{":
            kind = self._name()
            name = None if self._peek() in "({@" else self._name()
            defaults = self._variable_defaults()
            self._skip_directives()
        return Operation(kind, name, defaults, self._selections())

    def _variable_defaults(self) -> dict[str, object]:
        defaults: dict[str, object] = {}
        if self._peek() != "(":
            return defaults
        self._take("(")
        while self._peek() != ")":
            self._take("$")
            name = self._name()
            self._take(":")
            while self._peek() not in ("$", ")", "="):
                self._next()
            if self._peek() == "=":
                self._take("=")
                defaults[name] = self._value()
        self._take(")")
        return defaults

    def _selections(self) -> tuple[Field, ...]:
        fields: list[Field] = []
        self._take("{")
        while self._peek() != "}":
            fields += self._fragment() if self._peek() == "..." else [self._field()]
        self._take("}")
        return tuple(fields)

    def _fragment(self) -> list[Field]:
        self._take("...")
        kind: str | None = None
        if self._peek() == "on":
            self._take("on")
            kind = self._name()
        elif self._peek() not in ("{", "@"):
            name = self._name()
            self._skip_directives()
            if name not in self._fragments:
                raise BadDocument(f"Fragment {name} was used, but not defined")
            kind, fields = self._fragments[name]
            return [_within(field, kind) for field in fields]
        self._skip_directives()
        return [field if kind is None else _within(field, kind) for field in self._selections()]

    def _field(self) -> Field:
        name = alias = self._name()
        if self._peek() == ":":
            self._take(":")
            name = self._name()
        arguments = self._arguments("(", ")") if self._peek() == "(" else {}
        self._skip_directives()
        return Field(name, alias, arguments, self._selections() if self._peek() == "{" else ())

    def _arguments(self, opening: str, closing: str) -> dict[str, object]:
        found: dict[str, object] = {}
        self._take(opening)
        while self._peek() != closing:
            name = self._name()
            self._take(":")
            found[name] = self._value()
        self._take(closing)
        return found

    def _value(self) -> object:
        kind, text = self._tokens[self._position]
        if text == "{":
            return self._arguments("{", "}")
        if text == "[":
            return self._list()
        self._next()
        if text == "$":
            return Variable(self._name())
        if kind == "string":
            return _unquoted(text)
        if kind == "number":
            return float(text) if set(text) & set(".eE") else int(text)
        return {"true": True, "false": False, "null": None}.get(text, text)

    def _list(self) -> list[object]:
        items: list[object] = []
        self._take("[")
        while self._peek() != "]":
            items.append(self._value())
        self._take("]")
        return items

    def _skip_directives(self) -> None:
        while self._peek() == "@":
            self._take("@")
            self._name()
            if self._peek() == "(":
                self._arguments("(", ")")

    def _skip_definition(self) -> None:
        while self._peek() not in ("{", ""):
            self._next()
        depth = 0
        while self._peek() != "":
            depth += {"{": 1, "}": -1}.get(self._peek(), 0)
            self._next()
            if depth == 0:
                return

    def _peek(self) -> str:
        return self._tokens[self._position][1]

    def _next(self) -> str:
        text = self._tokens[self._position][1]
        if text == "":
            raise BadDocument("Unexpected end of document")
        self._position += 1
        return text

    def _take(self, expected: str) -> None:
        text = self._next()
        if text != expected:
            raise BadDocument(f"Expected {expected!r}, actual: {text!r}")

    def _name(self) -> str:
        kind, text = self._tokens[self._position]
        if kind != "name":
            raise BadDocument(f"Expected a name, actual: {text!r}")
        return self._next()


def _within(field: Field, kind: str) -> Field:
    return Field(field.name, field.alias, field.arguments, field.selections, field.on or kind)


def _unquoted(text: str) -> str:
    if text.startswith('"""'):
        return text[3:-3].replace('\\"""', '"""').strip("\n")

    def character(found: re.Match[str]) -> str:
        escape = found[1]
        return chr(int(escape[1:], 16)) if escape[0] == "u" else _ESCAPES.get(escape, escape)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", character, text[1:-1])
