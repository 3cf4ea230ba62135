"""The model reviewer: what it finds stands, what it could not read is said, and nothing else is lost with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.coverage import Reading
from app.domain.errors import RateLimited, UserError
from app.domain.findings import Place
from app.domain.repo_config import Effort
from app.domain.review import ReviewerReport
from app.llm.budget import Allowance, AnswerStore, Budget
from app.llm.chat import ModelUnavailable
from app.llm.models import ModelSpec, open_model
from reviewers.base import Change
from reviewers.bug_hunter.reviewer import BugHunter
from tests.harness.changes import change_of
from tests.harness.llm_server import llm_server
from tests.harness.scripts import PLENTY, Memory, calls, plenty, said, scripted

BASE = {"a.py": "def a():\n    return 1\n", "b.py": "def b():\n    return 1\n", "c.py": "def c():\n    return 1\n"}
HEAD = {"a.py": "def a():\n    return 2\n", "b.py": "def b():\n    return 2\n", "c.py": "def c():\n    return 2\n"}


def reviewer(
    folder: Path,
    answers: Sequence[Mapping[str, object]],
    *,
    budget: Budget | None = None,
    store: AnswerStore | None = None,
    batch_tokens: int = 60,
    **more: object,
) -> BugHunter:
    return BugHunter(
        model=scripted(folder, answers, **more),
        budget=budget or plenty(),
        answers=store,
        batch_tokens=batch_tokens,
        pauses=(timedelta(0), timedelta(0)),
    )


def three_files(tmp_path: Path, effort: Effort = "low") -> Change:
    return change_of(tmp_path / "code", BASE, HEAD, effort=effort)


def states(report: ReviewerReport) -> dict[str, tuple[str, str]]:
    return {reading.path: (reading.state, reading.reason) for reading in report.readings}


ALL_READ = dict.fromkeys(HEAD, ("reviewed", ""))


async def test_a_finding_is_placed_by_its_quote_and_every_file_is_read(tmp_path: Path) -> None:
    answers = [{"when": ["return 2", "b.py"], "findings": [said("b.py", "    return 2", line=999)]}]
    report = await reviewer(tmp_path, answers).review(three_files(tmp_path))
    (finding,) = report.findings
    assert finding.place == Place(path="b.py", start_line=2, line=2)
    assert (finding.reviewer, finding.rule, finding.suggestion) == ("bug_hunter", "correctness", None)
    assert states(report) == ALL_READ
    assert report.usage.requests == calls(tmp_path) == 4, "three parts, and the check of what was found"
    assert report.is_model


async def test_files_that_fit_are_read_in_one_call(tmp_path: Path) -> None:
    report = await reviewer(tmp_path, [], batch_tokens=10_000).review(three_files(tmp_path))
    assert calls(tmp_path) == 1
    assert states(report) == ALL_READ


@pytest.mark.parametrize(
    ("entry", "reason", "asked"),
    [
        ({"error": "broken json"}, "model answered with broken JSON, twice", 5),
        ({"raw": ""}, "model answered with broken JSON, twice", 5),
        ({"raw": "No problems found."}, "model answered with broken JSON, twice", 5),
        ({"raw": '{"findings": "none"}'}, "model answered with broken JSON, twice", 5),
        ({"error": "refusal"}, "model refused", 4),
        ({"error": "413"}, "too long for the model", 4),
        ({"error": "503"}, "model answered 503", 6),
        ({"error": "timeout"}, "model gave no answer in time", 6),
    ],
)
async def test_trouble_with_one_file_is_that_files_alone(
    tmp_path: Path, entry: Mapping[str, object], reason: str, asked: int
) -> None:
    answers = [{"when": ["b.py"], **entry}, {"when": ["c.py"], "findings": [said("c.py", "return 2")]}]
    report = await reviewer(tmp_path, answers).review(three_files(tmp_path))
    assert states(report) == {**ALL_READ, "b.py": ("failed", reason)}
    assert [finding.place.path for finding in report.findings] == ["c.py"]
    assert calls(tmp_path) == asked


async def test_a_passing_outage_is_waited_out(tmp_path: Path) -> None:
    report = await reviewer(tmp_path, [{"error": "500", "times": 2}]).review(three_files(tmp_path))
    assert states(report) == ALL_READ


async def test_a_model_that_answers_nothing_at_all_is_the_callers_to_retry(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="model answered 500"):
        await reviewer(tmp_path, [{"error": "500"}]).review(three_files(tmp_path))


async def test_a_wrong_key_is_told_to_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="401"):
        await reviewer(tmp_path, [{"error": "401"}]).review(three_files(tmp_path))


async def test_after_a_rate_limit_only_the_unanswered_part_is_asked_again(tmp_path: Path) -> None:
    store, answers = Memory(), [{"when": ["b.py"], "error": "429 retry-after 5", "times": 1}]
    with pytest.raises(RateLimited):
        await reviewer(tmp_path, answers, store=store).review(three_files(tmp_path))
    report = await reviewer(tmp_path, answers, store=store).review(three_files(tmp_path))
    assert states(report) == ALL_READ
    assert calls(tmp_path) == 4, "three parts, one of them asked twice"
    assert report.usage.requests == 3


async def test_a_spent_budget_leaves_what_was_read(tmp_path: Path) -> None:
    budget = Budget(pull_request=Allowance(1.0), day=PLENTY)
    many = {f"{n}.py": f"x{n} = {n}\n" for n in range(40)}
    change = change_of(tmp_path / "many", {}, many, effort="low")
    hunter = reviewer(tmp_path, [], budget=budget, price={"input": 150.0, "output": 1.0})
    report = await hunter.review(change)
    said_no = {reason for state, reason in states(report).values() if state == "failed"}
    assert said_no == {"the budget of this pull request ($1) is spent; a maintainer can raise `budget.pull_request`"}
    assert any(state == "reviewed" for state, _ in states(report).values())
    assert (report.usage.dollars or 0) <= 1.0


async def test_a_part_too_long_for_the_model_is_read_in_halves(tmp_path: Path) -> None:
    answers = [{"when": ["a.py", "c.py"], "error": "413"}]
    report = await reviewer(tmp_path, answers, batch_tokens=10_000).review(three_files(tmp_path))
    assert states(report) == ALL_READ
    assert calls(tmp_path) == 3


async def test_one_oversized_file_never_drops_the_files_after_it(tmp_path: Path) -> None:
    big = "".join(f"value_{n} = compute({n})\n" for n in range(400))
    head = {"a.py": "x = 1\n", "big.py": big, "blob.py": "y = '" + "0" * 20_000 + "'\n", "z.py": "z = 1\n"}
    answers = [{"when": ["value_200 "], "error": "refusal"}]
    report = await reviewer(tmp_path, answers, batch_tokens=500).review(
        change_of(tmp_path / "code", {}, head, effort="low")
    )
    assert states(report) == {
        "a.py": ("reviewed", ""),
        "big.py": ("failed", "model refused"),
        "blob.py": ("failed", "a line has more than 10,000 characters"),
        "z.py": ("reviewed", ""),
    }


async def test_the_ledger_names_the_hunks_that_were_read(tmp_path: Path) -> None:
    lines = [f"line_{n} = {n}" for n in range(60)]
    changed = [*lines]
    changed[5], changed[50] = "first = changed", "second = changed"
    change = change_of(tmp_path / "code", {"a.py": "\n".join(lines)}, {"a.py": "\n".join(changed)}, effort="low")
    first, second = change.diff.files[0].hunks
    answers = [{"when": ["second = changed"], "error": "refusal"}]
    report = await reviewer(tmp_path, answers, batch_tokens=200).review(change)
    assert report.readings == (
        Reading(reviewer="bug_hunter", path="a.py", state="reviewed", hunks=(first.fingerprint,)),
        Reading(
            reviewer="bug_hunter", path="a.py", state="failed", reason="model refused", hunks=(second.fingerprint,)
        ),
    )


async def test_progress_is_told_for_every_part(tmp_path: Path) -> None:
    told: list[str] = []
    await reviewer(tmp_path, []).review(replace(three_files(tmp_path), progress=told.append))
    assert told[-1] == "model: read 3 of 3"
    assert len(told) == 6


async def test_over_the_wire_it_is_the_same(tmp_path: Path) -> None:
    answer = json.dumps({"findings": [said("b.py", "return 2")], "verdicts": []})
    with llm_server(answer=answer) as server:
        model = open_model(ModelSpec.parse(f"openai-compatible:local@{server.url}"))
        report = await BugHunter(model=model, budget=plenty()).review(three_files(tmp_path))
        await model.close()
    assert [str(finding.place) for finding in report.findings] == ["b.py:2"]
    assert states(report) == ALL_READ
    assert (report.usage.model, report.usage.input_tokens, report.usage.dollars) == (
        "openai-compatible:local",
        240,
        None,
    )


@pytest.mark.parametrize(
    ("named", "kept"),
    [("R7", "R7"), ("R7:", "R7"), ("api/rules.md, for *.py in api", "api/rules.md"), ("R77", ""), ("", ""), (7, "")],
)
async def test_a_finding_names_only_a_rule_that_was_given(tmp_path: Path, named: object, kept: str) -> None:
    answers = [{"when": ["b.py", "Money is in cents."], "findings": [said("b.py", "    return 2", rule=named)]}]
    change = replace(three_files(tmp_path), rules="R7:\nMoney is in cents.", rule_names=("R7", "api/rules.md"))
    (finding,) = (await reviewer(tmp_path, answers, batch_tokens=10_000).review(change)).findings
    assert finding.breaks_rule == kept


async def test_the_rule_is_kept_when_only_some_passes_name_it(tmp_path: Path) -> None:
    finding = {"findings": [said("b.py", "    return 2")]}
    named = {"findings": [said("b.py", "    return 2", rule="R7")]}
    answers = [{"when": ["b.py", "security: whatever"], **named}, {"when": ["b.py"], **finding}]
    change = replace(three_files(tmp_path, "normal"), rules="R7:\nMoney is in cents.", rule_names=("R7",))
    (one,) = (await reviewer(tmp_path, answers, batch_tokens=10_000).review(change)).findings
    assert one.breaks_rule == "R7"
