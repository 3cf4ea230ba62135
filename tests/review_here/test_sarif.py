"""The SARIF we print, held against the rules of the 2.1.0 standard that concern what we use of it."""

import json
import re
from typing import cast

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from app.domain.findings import Category, Severity
from app.domain.outcomes import Outcome
from app.output import sarif
from app.output.report import Missing, Report, Target, Told
from tests.review_here.console import GOLDEN


def obj(required: tuple[str, ...], **properties: JsonValue) -> JsonValue:
    """An object with these properties and no other: the standard allows no unknown names."""
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def every(item: JsonValue, **more: JsonValue) -> JsonValue:
    return {"type": "array", "items": item, **more}


TEXT: JsonValue = {"type": "string", "minLength": 1}
BAG: JsonValue = {"type": "object"}
LINE: JsonValue = {"type": "integer", "minimum": 1}
LEVEL: JsonValue = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = obj(("text",), text=TEXT, markdown=TEXT)
# A URI reference (RFC 3986): what is not in this set must be percent-encoded.
URI: JsonValue = {"type": "string", "pattern": r"^(?!/)([A-Za-z0-9._~/!$&'()*+,;=:@-]|%[0-9A-F]{2})+$"}
PHYSICAL = obj(
    ("artifactLocation",),
    artifactLocation=obj(("uri",), uri=URI, uriBaseId=TEXT),
    region=obj(("startLine",), startLine=LINE, endLine=LINE),
)
LOCATIONS = every(obj(("physicalLocation",), physicalLocation=PHYSICAL))
RULE = obj(
    ("id",),
    id=TEXT,
    shortDescription=MESSAGE,
    defaultConfiguration=obj((), level=LEVEL),
    properties=obj((), tags=every(TEXT, uniqueItems=True)),
)
RESULT = obj(
    ("message",),
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations=LOCATIONS,
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions=every(obj(("kind",), kind={"enum": ["inSource", "external"]}, justification=TEXT), uniqueItems=True),
    properties=BAG,
)
INVOCATION = obj(
    ("executionSuccessful",),
    executionSuccessful={"type": "boolean"},
    exitCode={"type": "integer"},
    exitCodeDescription=TEXT,
    toolExecutionNotifications=every(obj(("message",), level=LEVEL, message=MESSAGE, locations=LOCATIONS)),
)
RUN = obj(
    ("tool",),
    tool=obj(("driver",), driver=obj(("name",), name=TEXT, version=TEXT, rules=every(RULE, uniqueItems=True))),
    invocations=every(INVOCATION),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=every(RESULT),
    versionControlProvenance=every(
        obj(("repositoryUri",), repositoryUri={"type": "string", "pattern": "^https?://"}, revisionId=TEXT)
    ),
    properties=BAG,
)
STANDARD = obj(
    ("version", "runs"), **{"$schema": TEXT}, version={"const": "2.1.0"}, runs=every(RUN, minItems=1, maxItems=1)
)


def told(number: int, **more: object) -> Told:
    words: dict[str, object] = {
        "number": number,
        "severity": Severity.HIGH,
        "category": Category.SECURITY,
        "title": "A title",
        "body": "A body.",
        "reviewer": "ruff",
        "rule": "S608",
        "path": "a.py",
        "side": "new",
        "start_line": 1,
        "line": 2,
        "fingerprint": "f",
    }
    return Told.model_validate({**words, **more})


HARD = Report(
    target=Target(
        kind="pull_request",
        name="acme/shop",
        number=12,
        head_sha="4be1d07",
        url="https://github.com/acme/shop/pull/12",
    ),
    outcome=Outcome.INCOMPLETE,
    title="Incomplete",
    exit_code=3,
    findings=(
        told(1, path='sp ace/quo"te/ünï#?%.py'),
        told(2, path="new\nline.py", side="old", severity=Severity.LOW),
        told(3, path="./-dash.py", severity=Severity.MEDIUM, rule="E1"),
    ),
    held_back=(told(4, reason="pre-existing, outside the change"),),
    incomplete=(Missing(path="b c.py", reviewer="bug_hunter", reason="model refused"), Missing(reason="not posted")),
    skipped={"package lock.json": "lock file"},
    notes=("A note.",),
)


@pytest.mark.parametrize(
    "document",
    [(GOLDEN / "with-a-model.sarif").read_text(), (GOLDEN / "incomplete.sarif").read_text(), sarif.render(HARD)],
    ids=["with a model", "incomplete", "hard names"],
)
def test_what_is_printed_keeps_to_the_standard(document: str) -> None:
    loaded = json.loads(document)
    assert [error.message for error in Draft202012Validator(cast("bool", STANDARD)).iter_errors(loaded)] == []
    (run,) = loaded["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert [rules[one["ruleIndex"]]["id"] for one in run["results"]] == [one["ruleId"] for one in run["results"]]
    for one in run["results"]:
        region = one["locations"][0]["physicalLocation"].get("region")
        assert region is None or region["startLine"] <= region["endLine"]


def test_held_back_findings_are_suppressed_and_the_others_say_that_they_are_not() -> None:
    (run,) = json.loads(sarif.render(HARD))["runs"]
    assert [one["suppressions"] for one in run["results"]] == [
        *([], [], []),
        [{"kind": "external", "justification": "pre-existing, outside the change"}],
    ]
    assert [one["level"] for one in run["results"]] == ["error", "note", "warning", "error"]


def test_what_could_not_be_done_is_no_success() -> None:
    (run,) = json.loads(sarif.render(HARD))["runs"]
    (invocation,) = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    texts = [one["message"]["text"] for one in invocation["toolExecutionNotifications"] if one["level"] == "error"]
    assert texts == ["not reviewed: model refused", "not posted"]


def test_only_a_line_of_the_new_side_is_a_region() -> None:
    (run,) = json.loads(sarif.render(HARD))["runs"]
    assert [one["properties"]["number"] for one in run["results"] if "region" not in json.dumps(one["locations"])] == [
        2
    ]
    assert re.search(r'"revisionId": "4be1d07"', sarif.render(HARD))
