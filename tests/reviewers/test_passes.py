"""Several passes over one change: what they agree on stands, what fails is said, and the second look only takes away."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.domain.findings import Evidence, Finding, Severity
from app.domain.repo_config import Effort
from app.domain.review import ReviewerReport
from app.llm.budget import Allowance, Budget
from app.llm.chat import Answer, ModelRefused, Question
from reviewers.bug_hunter.passes import PLANS
from reviewers.bug_hunter.reviewer import BugHunter
from tests.harness.changes import change_of
from tests.harness.scripts import PLENTY, plenty, said

HEAD = {f"{name}.py": f"def {name}(order):\n    return pay_{name}(order)\n" for name in "abcdef"}
TWICE = said("b.py", "return pay_b(order)")
ONCE = said("e.py", "return pay_e(order)", title="The cache keeps orders for ever", body="Nothing evicts the entries.")


Said = Sequence[dict[str, object]]
# A pass that finds nothing.
CLEAN: Said = ()


@dataclass
class Panel:
    """Answers each pass, in the order they are asked, with its own findings; None is a refusal."""

    passes: Sequence[Said | None]
    verdicts: Said = ()
    label: str = "panel"
    # For an answer of the greatest length, and how long each is.
    dollars: float = 0.0
    tokens: int = 16_000
    asked: list[Question] = field(default_factory=list[Question])
    checks: list[Question] = field(default_factory=list[Question])

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        del input_tokens, cached_tokens
        return self.dollars * output_tokens / 16_000

    async def ask(self, question: Question) -> Answer:
        if question.schema_name == "check_findings":
            self.checks.append(question)
            return Answer(text=json.dumps({"verdicts": list(self.verdicts)}), output_tokens=self.tokens)
        found = self.passes[len(self.asked)]
        self.asked.append(question)
        if found is None:
            raise ModelRefused("model refused")
        return Answer(text=json.dumps({"findings": list(found)}), output_tokens=self.tokens)

    async def close(self) -> None: ...


async def review(
    folder: Path,
    panel: Panel,
    *,
    effort: Effort = "normal",
    hits: Sequence[Finding] = (),
    check_model: Panel | None = None,
    budget: Budget | None = None,
) -> ReviewerReport:
    change = replace(change_of(folder, {}, HEAD, effort=effort), hits=tuple(hits))
    return await BugHunter(model=panel, check_model=check_model, budget=budget or plenty()).review(change)


def read(report: ReviewerReport) -> Counter[tuple[str, str]]:
    return Counter((reading.state, reading.reason) for reading in report.readings)


async def test_what_two_of_five_say_stands_and_what_one_says_is_told(tmp_path: Path) -> None:
    report = await review(tmp_path, Panel([[TWICE], [ONCE], [], [TWICE], []]))
    assert [(one.title, one.evidence) for one in report.findings] == [
        (TWICE["title"], (Evidence(kind="passes", text="2 of 5 passes"),))
    ]
    assert [(one.title, one.evidence[0].text) for one in report.outvoted] == [(ONCE["title"], "1 of 5 passes")]
    assert report.usage.requests == 6, "five passes and one check"
    assert report.usage.role == "5 passes, kept at 2 votes, then checked"


@pytest.mark.parametrize(("effort", "calls"), [("low", 1), ("normal", 5), ("high", 8)])
async def test_a_clean_change_costs_its_passes_and_no_check(tmp_path: Path, effort: Effort, calls: int) -> None:
    panel = Panel([CLEAN] * calls)
    report = await review(tmp_path, panel, effort=effort)
    assert (report.usage.requests, len(panel.checks)) == (calls, 0)


async def test_each_pass_reads_everything_in_its_own_order_and_always_in_that(tmp_path: Path) -> None:
    panels = [Panel([CLEAN] * 8), Panel([CLEAN] * 8)]
    for at, panel in enumerate(panels):
        await review(tmp_path / str(at), panel, effort="high")
    first, again = (sorted(one.prompt for one in panel.asked) for panel in panels)
    assert first == again
    orders = {tuple(sorted(HEAD, key=prompt.index)) for prompt in first}
    assert len(orders) >= 6
    assert all(code in prompt for prompt in first for code in ("pay_a", "pay_f"))
    lenses = {prompt.rsplit("\n\n", 2)[1] for prompt in first}
    assert len(lenses) == 6 + 2, "two look at everything alike and end in their last file"
    start = first[0][: first[0].index("file ")]
    assert all(prompt.startswith(start[: start.rindex("<data-")]) for prompt in first), "what is shared comes first"


@pytest.mark.parametrize(
    ("failing", "states"),
    [
        (0, {("reviewed", ""): 6}),
        (2, {("reviewed", ""): 6}),
        (3, {("failed", "model refused; 2 of 5 passes read it"): 6}),
        (5, {("failed", "model refused"): 6}),
    ],
)
async def test_a_hunk_is_read_when_most_passes_read_it(
    tmp_path: Path, failing: int, states: dict[tuple[str, str], int]
) -> None:
    report = await review(tmp_path, Panel([*[None] * failing, *[CLEAN] * (5 - failing)]))
    assert read(report) == states


async def test_when_the_money_ends_the_passes_that_were_not_made_are_said(tmp_path: Path) -> None:
    budget = Budget(pull_request=Allowance(0.205), day=PLENTY)
    report = await review(tmp_path, Panel([[TWICE]] * 5, dollars=0.1), budget=budget)
    ((state, reason),) = read(report)
    assert state == "failed"
    assert reason.startswith("the budget of this pull request ($0.20) is spent; ")
    assert reason.endswith("; 2 of 5 passes read it")
    assert report.usage.dollars == pytest.approx(0.2)
    assert "not checked: the budget" in report.usage.role


async def test_parallel_passes_wait_for_each_other_before_money_is_called_spent(tmp_path: Path) -> None:
    budget = Budget(pull_request=Allowance(2.0), day=PLENTY)
    report = await review(tmp_path, Panel([CLEAN] * 5, dollars=1.0, tokens=1), budget=budget)
    assert read(report) == {("reviewed", ""): 6}, "five worst cases are more than 2 dollars, what they cost is not"


async def test_an_analyser_on_the_same_lines_is_a_vote_and_the_check_is_told(tmp_path: Path) -> None:
    first = (await review(tmp_path / "first", Panel([[ONCE]] * 5))).findings[0]
    hit = first.model_copy(
        update={"reviewer": "ruff", "rule": "B019", "evidence": (Evidence(kind="analyser", text="ruff B019"),)}
    )
    panel = Panel([[ONCE], [], [], [], []])
    report = await review(tmp_path / "second", panel, hits=[hit])
    assert [one.title for one in report.findings] == [ONCE["title"]]
    assert "analyser: ruff B019" in panel.checks[0].prompt


async def test_another_model_checks_and_can_only_take_away(tmp_path: Path) -> None:
    quote = {"number": 1, "path": "b.py", "quote": "    return pay_b(order)", "why": "It returns what is paid"}
    lower = Panel([], [{**quote, "verdict": "confirmed", "severity": "medium"}], label="other")
    report = await review(tmp_path / "lower", Panel([[TWICE]] * 5), check_model=lower)
    (finding,) = report.findings
    assert (finding.checked, finding.severity) == ("confirmed", Severity.MEDIUM)
    assert Evidence(kind="check", text="It returns what is paid") in finding.evidence
    assert [(one.model, one.role, one.requests) for one in report.other_usage] == [("other", "check", 1)]
    raised = Panel([], [{**quote, "verdict": "confirmed", "severity": "high"}])
    report = await review(tmp_path / "raise", Panel([[{**TWICE, "severity": "low"}]] * 5), check_model=raised)
    assert report.findings[0].severity is Severity.LOW


async def test_the_passes_are_shared_and_each_vote_says_whose_it_is(tmp_path: Path) -> None:
    first, second = Panel([[TWICE], [], []], label="one:a"), Panel([[TWICE], [ONCE]], label="other:b")
    change = change_of(tmp_path, {}, HEAD)
    report = await BugHunter(model=first, finders=[first, second], budget=plenty()).review(change)
    assert (len(first.asked), len(second.asked)) == (3, 2)
    assert [one.evidence[0].text for one in report.findings] == ["2 of 5 passes by one:a and other:b"]
    assert [one.evidence[0].text for one in report.outvoted] == ["1 of 5 passes by other:b"]
    assert [(one.model, one.requests, one.role) for one in report.usages] == [
        ("one:a", 4, "3 of 5 passes, kept at 2 votes, then checked"),
        ("other:b", 2, "2 of 5 passes, kept at 2 votes"),
    ]


async def test_a_check_that_fails_leaves_the_findings_and_is_said(tmp_path: Path) -> None:
    class Mute(Panel):
        async def ask(self, question: Question) -> Answer:
            raise ModelRefused("model refused")

    report = await review(tmp_path, Panel([[TWICE]] * 5), check_model=Mute([]))
    assert [one.checked for one in report.findings] == [""]
    assert report.usage.role == "5 passes, kept at 2 votes, not checked: model refused"


def test_the_plans_are_the_measured_ones() -> None:
    assert {effort: (len(plan.passes), plan.votes, plan.quorum) for effort, plan in PLANS.items()} == {
        "low": (1, 1, 1),
        "normal": (5, 2, 3),
        "high": (8, 3, 5),
    }
