"""SARIF files of others: what is usable is kept, the rest is counted, and nothing in them leads out of the repository."""

import base64
import gzip
import json

import pytest
from pydantic import JsonValue

from app.domain.errors import UserError
from app.domain.sarif_upload import LARGEST, MOST_RESULTS, UploadedResult, read_upload
from reviewers.linters.uploaded import uploaded_report
from tests.harness.changes import diff_of


def result(uri: str = "app/pay.py", line: int = 2, **more: JsonValue) -> dict[str, JsonValue]:
    place: JsonValue = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    usual: dict[str, JsonValue] = {
        "ruleId": "sql-injection",
        "level": "error",
        "message": {"text": "User input reaches the query."},
        "locations": [{"physicalLocation": place}],
    }
    return {**usual, **more}


def sarif(*results: JsonValue, tool: str = "semgrep") -> bytes:
    run: JsonValue = {"tool": {"driver": {"name": tool}}, "results": list(results)}
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def packed(data: bytes) -> bytes:
    return json.dumps({"commit_sha": "a" * 40, "sarif": base64.b64encode(gzip.compress(data)).decode()}).encode()


KEPT = UploadedResult(
    rule="sql-injection",
    level="error",
    path="app/pay.py",
    start_line=2,
    end_line=2,
    message="User input reaches the query.",
)


@pytest.mark.parametrize("body", [sarif(result()), packed(sarif(result()))], ids=["plain", "as for GitHub"])
def test_both_ways_of_sending_are_read(body: bytes) -> None:
    (upload,) = read_upload(body)
    assert (upload.tool, upload.results, upload.left_out) == ("semgrep", (KEPT,), 0)


UNUSABLE: dict[str, JsonValue] = {
    "absolute": result("/etc/passwd"),
    "a file address": result("file:///etc/passwd"),
    "upwards": result("../../secret.py"),
    "upwards, in disguise": result("app/%2e%2e/%2e%2e/secret.py"),
    "another host": result("https://evil.example/x.py"),
    "a drive": result("C:\\x.py"),
    "backslashes": result("app\\..\\x.py"),
    "a line end in the name": result("app/x%0a.py"),
    "no line": result(line=0),
    "a line beyond all files": result(line=10**12),
    "no place": result(locations=[]),
    "no words": result(message={"text": " \u200b"}),
    "passed": result(level="none"),
    "no object": "text",
    "nothing": None,
    "a list": [[[]]],
}


@pytest.mark.parametrize("one", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_cannot_be_used_is_left_out_alone(one: JsonValue) -> None:
    (upload,) = read_upload(sarif(one, result(line=2)))
    assert (upload.results, upload.left_out) == ((KEPT,), 1)


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no SARIF file"),
    "not JSON": (b"<sarif/>", "no SARIF file"),
    "nested without end": (b'{"runs": ' + b"[" * 100_000, "no SARIF file"),
    "nested in a result": (sarif().replace(b'"results": []', b'"results": [' + b"[" * 100_000), "no SARIF file"),
    "no runs": (b'{"runs": 3}', "runs"),
    "too many runs": (json.dumps({"runs": [{}] * 100}).encode(), "runs"),
    "no base64": (b'{"sarif": "\xc3\xbf"}', "packed with gzip"),
    "not packed": (b'{"sarif": "aGVsbG8="}', "packed with gzip"),
    "a bomb": (packed(b'{"runs": []}' + b" " * (LARGEST + 1)), "unpacked over 10 MB"),
    "millions of objects": (b'{"runs": [' + b"{}," * 2_000_000, "objects"),
}


@pytest.mark.parametrize(("body", "why"), WRONG.values(), ids=WRONG.keys())
def test_a_file_that_is_none_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(UserError, match=why):
        read_upload(body)


def test_a_million_results_are_capped_and_the_rest_is_said() -> None:
    head, tail = sarif(0).split(b"0]")
    (upload,) = read_upload(b"".join((head, b"{}," * 999_999, json.dumps(result()).encode(), b"]", tail)))
    assert (len(upload.results), upload.left_out) == (1, 999_999)
    (many,) = read_upload(sarif(*[result(line=at + 1) for at in range(MOST_RESULTS + 5)]))
    assert (len(many.results), many.left_out) == (MOST_RESULTS, 5)


def test_names_and_words_are_cleaned_and_cut() -> None:
    (upload,) = read_upload(sarif(result(message={"text": "x\u202e " * 9_999}), tool="a\nb\u200b" + "c" * 500))
    assert len(upload.tool) == 60
    assert upload.tool.startswith("a bc")
    assert len(upload.results[0].message) <= 600
    assert "\u202e" not in upload.results[0].message


def test_only_what_is_said_of_added_lines_becomes_a_finding_and_never_alone() -> None:
    base = {"app/pay.py": "def pay():\n    return 1\n"}
    head = {"app/pay.py": "def pay():\n    return 2\n", "app/other.py": "x = 1\n"}
    uploads = read_upload(sarif(result(line=2), result(line=1), result("app/gone.py"), result("app/other.py", 1)))
    report = uploaded_report(uploads, diff_of(base, head))
    assert [(str(one.place), one.quote, one.stands_alone) for one in report.findings] == [
        ("app/pay.py:2", "    return 2", False),
        ("app/other.py:1", "x = 1", False),
    ]
    assert {one.reviewer for one in report.findings} == {"semgrep (uploaded)"}
    assert report.analysers == ("semgrep (uploaded)",)


def test_no_name_of_a_tool_makes_it_one_of_our_reviewers() -> None:
    uploads = read_upload(sarif(result(), tool="bug_hunter"))
    report = uploaded_report(uploads, diff_of({}, {"app/pay.py": "a = 1\nb = 2\n"}))
    assert [one.reviewer for one in report.findings] == ["bug_hunter (uploaded)"]
