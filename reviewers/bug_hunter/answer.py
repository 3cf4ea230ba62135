"""What a model may say: read item by item, so that one bad item costs itself and not the answer."""

import re

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from app.domain.findings import Category, Severity
from app.domain.invisible import strip_invisible
from reviewers.context.lookups import Look, read_looks

SCHEMA_NAME = "report_findings"

# How many findings may one answer hold? Beyond this a model is not reviewing.
MOST_FINDINGS = 50

# Words models use for ours.
_SEVERITIES = {
    "critical": "high",
    "blocker": "high",
    "major": "high",
    "error": "high",
    "warning": "medium",
    "moderate": "medium",
    "minor": "low",
    "nit": "low",
    "info": "low",
}
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,16}[ -/]?[@-~]")


class Said(BaseModel):
    """One finding as a model words it; nothing in it is believed yet."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    path: str = Field(max_length=4_096)
    quote: str = Field(max_length=8_000)
    line: int | None = None
    severity: Severity
    category: Category
    title: str
    body: str
    agent_prompt: str | None = None
    suggestion: str | None = None
    # The name of the repository's rule that it breaks.
    rule: str | None = None


class _Report(BaseModel):
    """Only for the schema that providers are given."""

    findings: list[Said]


SCHEMA: dict[str, JsonValue] = TypeAdapter(dict[str, JsonValue]).validate_python(_Report.model_json_schema())


class _ReportOrLooks(_Report):
    """The same, of who may look around before it answers."""

    look: list[Look] = Field(default_factory=list[Look])


SCHEMA_WITH_LOOKS: dict[str, JsonValue] = TypeAdapter(dict[str, JsonValue]).validate_python(
    _ReportOrLooks.model_json_schema()
)


class Report(BaseModel):
    """The usable items of an answer, and why the others are not."""

    said: tuple[Said, ...]
    dropped: tuple[str, ...]


def read_reading(answer: dict[str, JsonValue], looks_left: int) -> Report | list[Look]:
    """The findings, or what has to be seen first; ValueError when there is neither."""
    return (read_looks(answer.get("look")) if looks_left else []) or read_report(answer)


def read_report(answer: dict[str, JsonValue]) -> Report:
    """The findings of an answer, worst first; ValueError when there is no list of them."""
    items = answer.get("findings")
    if not isinstance(items, list):
        raise ValueError('"findings" must be a list.')
    said: list[Said] = []
    dropped: list[str] = []
    for item in items:
        try:
            said.append(Said.model_validate(_in_our_words(item)))
        except ValidationError as error:
            first = error.errors()[0]
            dropped.append(f"not a finding: {'.'.join(map(str, first['loc'])) or 'item'} is missing or wrong")
    if items and not said:
        raise ValueError("No item of the list is a finding with all its fields.")
    said.sort(key=lambda one: -one.severity.rank)
    over = len(said) - MOST_FINDINGS
    dropped += [f"over {MOST_FINDINGS} findings in one answer"] * over
    return Report(said=tuple(said[:MOST_FINDINGS]), dropped=tuple(dropped))


def one_line(text: str, limit: int) -> str:
    """Clean text on one line, cut at a word, without a full stop at its end."""
    words = visible(text).split()
    line = " ".join(words)
    if len(line) > limit:
        line = line[: limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    return line.removesuffix(".")


def paragraphs(text: str, words: int) -> str:
    """Clean text of at most so many words, its line breaks kept."""
    text = visible(text).strip()
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    return text if len(ends) <= words else text[: ends[words - 1]] + " …"


def visible(text: str) -> str:
    """Text without terminal sequences and without characters that nobody sees."""
    return strip_invisible(_ANSI.sub("", text))


def _in_our_words(item: JsonValue) -> JsonValue:
    if not isinstance(item, dict):
        return item
    severity, category = str(item.get("severity")).lower(), str(item.get("category")).lower()
    line, rule = item.get("line"), item.get("rule")
    return {
        **item,
        "severity": _SEVERITIES.get(severity, severity),
        "category": category if category in set(Category) else Category.CORRECTNESS.value,
        "line": line if isinstance(line, int) and not isinstance(line, bool) else None,
        "rule": rule.strip().rstrip(":") if isinstance(rule, str) else None,
    }
