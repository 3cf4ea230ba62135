"""The report as SARIF 2.1.0, for code scanning and editors."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from pydantic import JsonValue

from app.domain.findings import Severity
from app.domain.names import NAME
from app.output.report import Report, Told

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_EXIT_CODES = {0: "nothing at or above --fail-on", 1: "findings at or above --fail-on", 3: "incomplete"}

JsonObject = dict[str, JsonValue]


def render(report: Report) -> str:
    told = (*report.findings, *report.held_back)
    rules = list(dict.fromkeys(_rule_id(one) for one in told))
    run: JsonObject = {
        "tool": {"driver": _driver(report, told, rules)},
        "invocations": [_invocation(report)],
        "columnKind": "utf16CodeUnits",
        "results": [_result(one, rules.index(_rule_id(one))) for one in told],
        "properties": {"outcome": report.outcome.value, "title": report.title, "version": report.version},
    }
    if report.target.head_sha and report.target.url:
        repository = report.target.url.partition("/pull/")[0]
        run["versionControlProvenance"] = [{"repositoryUri": repository, "revisionId": report.target.head_sha}]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _driver(report: Report, told: Sequence[Told], rules: Sequence[str]) -> JsonObject:
    first = {_rule_id(one): one for one in reversed(told)}
    return {"name": NAME, "version": report.tool_version, "rules": [_rule(rule, first[rule]) for rule in rules]}


def _rule_id(told: Told) -> str:
    return f"{told.reviewer}/{told.rule}" if told.reviewer else "finding"


def _rule(rule_id: str, example: Told) -> JsonObject:
    return {
        "id": rule_id,
        "shortDescription": {"text": f"{example.rule}, by {example.reviewer}" if example.reviewer else "A finding"},
        "defaultConfiguration": {"level": _LEVELS[example.severity]},
        "properties": {"tags": [example.category.value] if example.category else []},
    }


def _invocation(report: Report) -> JsonObject:
    """What could not be done stands here, so that no empty list of results looks like a clean review."""
    notifications: list[JsonValue] = [
        *(
            _notification("error", f"not reviewed: {one.reason}" if one.path else one.reason, one.path)
            for one in report.incomplete
        ),
        *(_notification("note", f"skipped: {reason}", path) for path, reason in report.skipped.items()),
        *(_notification("note", note, "") for note in report.notes),
    ]
    return {
        "executionSuccessful": not report.incomplete,
        "exitCode": report.exit_code,
        "exitCodeDescription": _EXIT_CODES[report.exit_code],
        "toolExecutionNotifications": notifications,
    }


def _notification(level: str, text: str, path: str) -> JsonObject:
    notification: JsonObject = {"level": level, "message": {"text": text}}
    if path:
        notification["locations"] = [{"physicalLocation": {"artifactLocation": _artifact(path)}}]
    return notification


def _result(told: Told, rule_index: int) -> JsonObject:
    place: JsonObject = {"artifactLocation": _artifact(told.path)}
    if told.side == "new":
        # Lines of the old side are not in the file any more: there only the file is named.
        place["region"] = {"startLine": told.start_line, "endLine": told.line}
    return {
        **_fixes(told),
        "ruleId": _rule_id(told),
        "ruleIndex": rule_index,
        "level": _LEVELS[told.severity],
        "message": {"text": f"{told.title}\n\n{told.body}"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"corrigentCode/v1": told.fingerprint},
        # An empty list says "looked at, not suppressed"; once one result has the list, all must.
        "suppressions": [{"kind": "external", "justification": told.reason}] if told.reason else [],
        "properties": {"number": told.number, "severity": told.severity.value, "category": told.category},
    }


def _fixes(told: Told) -> JsonObject:
    """What replaces whole lines."""
    if told.suggestion is None:
        return {}
    end = {"endLine": told.line + 1, "endColumn": 1}
    replacement: JsonObject = {
        "deletedRegion": {"startLine": told.start_line, "startColumn": 1, **end},
        "insertedContent": {"text": f"{told.suggestion}\n"},
    }
    change: JsonObject = {"artifactLocation": _artifact(told.path), "replacements": [replacement]}
    return {"fixes": [{"description": {"text": "Tried by the analysers"}, "artifactChanges": [change]}]}


def _artifact(path: str) -> JsonObject:
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}
