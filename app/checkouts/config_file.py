"""Reads `.corrigent.yaml`: every valid value is taken, every other one is named with its line and what to write."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import yaml
from pydantic import JsonValue

from app.checkouts.config_keys import KEYS, SECTIONS, Key
from app.domain.config_layers import FileRead, flattened
from app.domain.markdown import code
from app.domain.names import CONFIG_FILE
from app.domain.nearest import nearest
from app.domain.phrases import one_line
from app.domain.repo_config import ConfigProblem, RepoConfig

# Every key with a hundred entries fits many times; parsing this much takes half a second.
_LARGEST = 32_000
# How deep does YAML nest before it is an attack? The file's own form is three deep.
_DEEPEST = 8
# How many entries may one list have, and how many problems does the check name?
_LONGEST_LIST = 500
_MOST_PROBLEMS = 20

_CORE_TAG = "tag:yaml.org,2002:"
# The kinds of plain values, as a sentence calls them.
_KINDS = {
    "str": "a text",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "null": "nothing",
    "timestamp": "a date",
    "seq": "a list",
    "map": "a section",
}
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,15})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,15})(?:\.\d{1,15})?")
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_config(
    data: bytes, *, last_valid: Mapping[str, JsonValue] | None = None, below: RepoConfig | None = None
) -> FileRead:
    """The file's values by dotted key.

    `last_valid` are those of the last file that could be read: a value that cannot be taken keeps its last valid one,
    so that a typo never removes a gate. `below` is what holds without the file, for the sentences.
    """
    fallback = dict(last_valid or {})
    try:
        root = _compose(data)
    except _BrokenError as broken:
        used = "The defaults are used." if last_valid is None else "The last valid configuration is used."
        problem = ConfigProblem(line=broken.line, text=f"{broken.text} {used}")
        return FileRead(values=fallback, problems=(problem,), broken=True)
    reading = _Reading(fallback, below or RepoConfig())
    if root is not None:
        reading.section(root, "")
    return reading.result()


class _BrokenError(Exception):
    """Nothing in the file can be trusted."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


class _Pair(NamedTuple):
    key: str
    line: int
    node: yaml.Node


def _compose(data: bytes) -> yaml.MappingNode | None:
    if len(data) > _LARGEST:
        raise _BrokenError(1, f"`{CONFIG_FILE}` has {len(data):,} bytes; {_LARGEST:,} are read.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _BrokenError(line, f"`{CONFIG_FILE}` is not UTF-8.") from None
    try:
        _refuse_bombs(text)
        # The stubs of this library leave the type open.
        root = cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _BrokenError(line, f"`{CONFIG_FILE}` is not YAML: {one_line(error.problem or '', 100)}.") from None
    except yaml.YAMLError:
        raise _BrokenError(1, f"`{CONFIG_FILE}` holds characters that YAML does not allow.") from None
    if root is None or isinstance(root, yaml.MappingNode):
        return root
    if isinstance(root, yaml.ScalarNode) and root.tag == f"{_CORE_TAG}null":
        return None
    raise _BrokenError(1, f"`{CONFIG_FILE}` is not a list of keys; begin with `review: every-push`.")


def _refuse_bombs(text: str) -> None:
    """Before anything is built: the parser's events come one by one, without recursion."""
    depth = 0
    for event in cast("Iterator[yaml.Event]", yaml.parse(text, Loader=yaml.SafeLoader)):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _BrokenError(line, f"`{CONFIG_FILE}` uses an alias (`*{one_line(event.anchor, 20)}`); write it out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _BrokenError(line, f"`{CONFIG_FILE}` nests more than {_DEEPEST} deep.")


class _Reading:
    """The walk over one file: what was taken, from where, and what was not."""

    def __init__(self, last_valid: dict[str, JsonValue], below: RepoConfig) -> None:
        self._last_valid = last_valid
        self._below = flattened(below.model_dump(mode="json"))
        self._values: dict[str, JsonValue] = {}
        self._lines: dict[str, int] = {}
        self._problems: list[ConfigProblem] = []
        # Keys that somebody tried to set: their last valid values stay.
        self._kept: set[str] = set()

    def result(self) -> FileRead:
        kept = {key: self._last_valid[key] for key in self._kept - self._values.keys() if key in self._last_valid}
        problems = self._problems[:_MOST_PROBLEMS]
        if len(self._problems) > _MOST_PROBLEMS:
            more = len(self._problems) - _MOST_PROBLEMS
            problems.append(ConfigProblem(line=self._problems[_MOST_PROBLEMS].line, text=f"And {more} more problems."))
        return FileRead(values=kept | self._values, lines=self._lines, problems=tuple(problems))

    def section(self, node: yaml.MappingNode, name: str) -> None:
        first_lines: dict[str, int] = {}
        for key, line, value in self._pairs(node):
            dotted = f"{name}.{key}" if name else key
            if key in first_lines:
                self._tell(line, f"`{dotted}` stands twice; line {first_lines[key]} counts.")
                continue
            first_lines[key] = line
            if dotted in SECTIONS:
                self._subsection(dotted, line, value)
            elif dotted in KEYS:
                self._value(KEYS[dotted], line, value)
            else:
                self._unknown(dotted, name, line)

    def _pairs(self, node: yaml.MappingNode) -> Iterator[_Pair]:
        pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
        for key, value in pairs:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                yield _Pair(str(key.value), line, value)
            else:
                self._tell(line, "A key is a word, not a list; this entry is left out.")

    def _subsection(self, name: str, line: int, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            self.section(node, name)
            return
        keys = [key for key in KEYS if key.startswith(f"{name}.")]
        inner = ", ".join(f"{key.removeprefix(f'{name}.')}: …" for key in keys)
        self._kept.update(keys)
        self._tell(line, f"{_typed(name, node)} is not a section; use {code(f'{name}: {{{inner}}}')}.")

    def _value(self, key: Key, line: int, node: yaml.Node) -> None:
        value = str(node.value) if key.is_choice and isinstance(node, yaml.ScalarNode) else _json(node)
        fault = _trap(key, node) or key.fault(value)
        if fault is not None:
            self._kept.add(key.name)
            self._tell(line, f"{_typed(key.name, node)} {fault} {self._instead(key.name)}")
            return
        if isinstance(value, list) and len(value) > _LONGEST_LIST:
            self._tell(line, f"`{key.name}` has {len(value):,} entries; the first {_LONGEST_LIST} are used.")
            value = value[:_LONGEST_LIST]
        self._values[key.name] = value
        self._lines[key.name] = line

    def _unknown(self, dotted: str, section: str, line: int) -> None:
        siblings = [key for key in (*KEYS, *SECTIONS) if key.rpartition(".")[0] == section]
        meant = nearest(dotted, siblings)
        text = f"{code(one_line(dotted, 60))} is not a key"
        if meant is None:
            self._tell(line, f"{text}; it is left out.")
            return
        self._kept.update(key for key in KEYS if key == meant or key.startswith(f"{meant}."))
        kept = self._last_valid.get(meant)
        stays = f" Its last valid value {code(_plain(kept))} stays." if meant in self._last_valid else ""
        self._tell(line, f"{text}; did you mean `{meant}`?{stays}")

    def _instead(self, name: str) -> str:
        if name in self._last_valid:
            return f"The last valid value {code(_plain(self._last_valid[name]))} is used."
        return f"The default {code(_plain(self._below[name]))} is used."

    def _tell(self, line: int, text: str) -> None:
        self._problems.append(ConfigProblem(line=line, text=text))


def _json(node: yaml.Node) -> JsonValue:
    """The value as typed; what YAML would turn into something else stays text, and the key's type then refuses it."""
    if isinstance(node, yaml.SequenceNode):
        return [_json(item) for item in _items(node)]
    if isinstance(node, yaml.MappingNode):
        return {}
    return _scalar(node)


def _scalar(node: yaml.Node) -> JsonValue:
    text = str(node.value)
    match node.tag.removeprefix(_CORE_TAG):
        case "bool":
            return _TRUTHS.get(text.lower(), text)
        case "null":
            return None
        case "int" if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        case "float" if _NUMBER.fullmatch(text):
            return float(text)
        case _:
            return text


def _trap(key: Key, node: yaml.Node) -> str | None:
    """A value that YAML reads as something else than its writer meant, or whose tag asks for more than a value."""
    kind = node.tag.removeprefix(_CORE_TAG)
    if kind not in _KINDS:
        tag = one_line(node.tag.replace(_CORE_TAG, "!!"), 60)
        return f"has the tag {code(tag)}, which is not allowed; write the plain value."
    if isinstance(node, yaml.SequenceNode):
        return next((trap for trap in (_trap(key, item) for item in _items(node)) if trap), None)
    if key.is_text_list and isinstance(node, yaml.ScalarNode) and kind not in {"str", "null"}:
        return f"holds {code(one_line(str(node.value), 40))}, which YAML reads as {_KINDS[kind]}; put it in quotes."
    return None


def _items(node: yaml.SequenceNode) -> list[yaml.Node]:
    return node.value


def _typed(name: str, node: yaml.Node) -> str:
    """The line as its writer sees it."""
    plain = isinstance(node, yaml.ScalarNode) and str(node.value).strip()
    return code(f"{name}: {one_line(str(node.value), 60)}") if plain else f"`{name}`"


def _plain(value: JsonValue) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(_plain(item) for item in value)}]"
        case _:
            return str(value)
