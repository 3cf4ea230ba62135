"""What a second look at findings may say: a verdict counts by the code it quotes, and can only take away."""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from app.domain.anchors import find_quote
from app.domain.findings import Checked, Evidence, Finding, Severity
from reviewers.bug_hunter.answer import one_line
from reviewers.context.lookups import Look, read_looks
from reviewers.suggestions.fits import settled

SCHEMA_NAME = "check_findings"

_WHY_CHARACTERS = 120
_WORD = re.compile(r"\w")
# A quote of less is in every file.
_LEAST_QUOTE = 6


class Verdict(BaseModel):
    """One verdict as a model words it; nothing in it is believed yet."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    number: int
    verdict: Checked
    path: str = Field(default="", max_length=4_096)
    quote: str = Field(default="", max_length=8_000)
    severity: Severity | None = None
    why: str = ""
    # Whether the finding is gone with what is proposed in place of its lines.
    mends: bool = False


class _Answer(BaseModel):
    """Only for the schema that providers are given."""

    look: list[Look] = Field(default_factory=list[Look])
    verdicts: list[Verdict] = Field(default_factory=list[Verdict])


SCHEMA: dict[str, JsonValue] = TypeAdapter(dict[str, JsonValue]).validate_python(_Answer.model_json_schema())


def read_answer(answer: dict[str, JsonValue], looks_left: int) -> dict[int, Verdict] | list[Look]:
    """The verdicts, or what has to be seen first; ValueError when there is neither."""
    return (read_looks(answer.get("look")) if looks_left else []) or read_verdicts(answer)


def read_verdicts(answer: dict[str, JsonValue]) -> dict[int, Verdict]:
    """The verdicts by the number of their finding, the first of each; ValueError when there is no list of them."""
    items = answer.get("verdicts")
    if not isinstance(items, list):
        raise ValueError('"verdicts" must be a list.')
    verdicts: dict[int, Verdict] = {}
    for item in items:
        try:
            one = Verdict.model_validate(item)
        except ValidationError:
            # What cannot be read decides nothing: its finding stays as it is.
            continue
        verdicts.setdefault(one.number, one)
    return verdicts


def judged(findings: Sequence[Finding], verdicts: Mapping[int, Verdict], shown: Mapping[str, str]) -> list[Finding]:
    """The findings, numbered from 1, with what became of them; `shown` is the code that the model was given."""
    return [_judged(finding, verdicts.get(number), shown) for number, finding in enumerate(findings, 1)]


def _judged(finding: Finding, verdict: Verdict | None, shown: Mapping[str, str]) -> Finding:
    if verdict is None or not verdict.verdict:
        return settled(finding, tried=False)
    if not verdict.mends or verdict.verdict == "refuted":
        finding = settled(finding, tried=False)
    severity = min(finding.severity, verdict.severity or finding.severity, key=lambda one: one.rank)
    why, quoted = one_line(verdict.why, _WHY_CHARACTERS), _quoted(verdict, shown)
    if verdict.verdict == "refuted" and quoted and why:
        return finding.model_copy(update={"checked": "refuted", "refuted_why": why})
    if verdict.verdict == "confirmed" and quoted:
        said = (Evidence(kind="check", text=why),) if why else ()
        return finding.model_copy(
            update={"checked": "confirmed", "severity": severity, "evidence": (*finding.evidence, *said)}
        )
    return finding.model_copy(update={"checked": "plausible", "severity": severity})


def _quoted(verdict: Verdict, shown: Mapping[str, str]) -> bool:
    """Whether the quote stands in the code that was shown: else it was made up, and decides nothing."""
    text = shown.get(verdict.path)
    enough = len(_WORD.findall(verdict.quote)) >= _LEAST_QUOTE
    return text is not None and enough and find_quote(verdict.quote, text) is not None
