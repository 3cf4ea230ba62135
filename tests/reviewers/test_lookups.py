"""Who checks may look around in the tree: what is found is data, little, and never from outside."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from pydantic import JsonValue

from app.llm.chat import Answer, Question
from app.llm.prices import estimate_tokens
from reviewers.base import Change
from reviewers.bug_hunter.passes import PLANS
from reviewers.bug_hunter.reviewer import BugHunter
from reviewers.context.lookups import AT_ONCE, MOST_TOKENS, Look, Lookups
from tests.harness.changes import change_of
from tests.harness.scripts import plenty, said

BASE = {
    "api/guard.py": "def check_access(user):\n    return user.ok\n",
    "api/orders.py": "from api.guard import check_access\n\n\ndef order(user):\n    return 1\n",
    "lib/long.py": "".join(f"value_{n} = 'some long text in line {n}'\n" for n in range(4_000)),
}
HEAD = {**BASE, "api/orders.py": BASE["api/orders.py"].replace("return 1", "check_access(user)\n    return 2")}


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory) -> Change:
    folder = tmp_path_factory.mktemp("lookups")
    (folder / "secret.txt").write_text("TOP-SECRET")
    made = change_of(folder / "code", BASE, HEAD)
    return replace(made, earlier={"api/orders.py": ["1 · line 4 · Anybody may order · dismissed: on purpose"]})


async def seen(change: Change, *looks: Look) -> str:
    lookups = Lookups(change)
    await lookups.look(looks)
    return "\n".join(lookups.blocks())


@pytest.mark.parametrize(
    ("look", "shows", "hides"),
    [
        (Look(tool="read", path="api/guard.py", line=1), ["     1 def check_access(user):"], ["order"]),
        (
            Look(tool="read", path="lib/long.py", line=2_000),
            ["value_1999 ", "value_1950"],
            ["value_1000 ", "value_2500"],
        ),
        (Look(tool="definition", word="check_access"), ["api/guard.py:1: def check_access"], ["orders.py"]),
        (Look(tool="callers", word="check_access"), ["api/orders.py:5: check_access(user)"], ["guard.py:1"]),
        (Look(tool="search", word="import check_access"), ["api/orders.py:1: from api.guard"], ["guard.py:1"]),
        (Look(tool="search", word="value_1"), ["and 20 more"], []),
        (Look(tool="blame", path="api/orders.py"), ["lines 5-6: 2 written by this change"], ["api/guard"]),
        (Look(tool="earlier", path="api/orders.py"), ["Anybody may order · dismissed: on purpose"], []),
        (Look(tool="earlier", path="api/guard.py"), ["nothing found"], []),
        (Look(tool="definition", word=".*"), ["nothing found"], ["check_access"]),
    ],
    ids=lambda value: f"{value.tool} {value.path or value.word}" if isinstance(value, Look) else "",
)
async def test_each_way_to_look(change: Change, look: Look, shows: Sequence[str], hides: Sequence[str]) -> None:
    text = await seen(change, look)
    assert [one for one in shows if one not in text] == []
    assert [one for one in hides if one in text] == []
    assert text.startswith("<data-")


@pytest.mark.parametrize(
    "path", ["../secret.txt", "/etc/passwd", "api/../../secret.txt", "", ".", "a\0b", "x" * 3_000, "api", "no.py"]
)
async def test_nothing_outside_can_be_read(change: Change, path: str) -> None:
    text = await seen(change, Look(tool="read", path=path))
    assert "nothing found" in text
    assert "SECRET" not in text


async def test_what_is_shown_is_bounded(change: Change) -> None:
    lookups = Lookups(change)
    for start in range(1, 4_000, 100):
        await lookups.look([Look(tool="read", path="lib/long.py", line=start)] * (AT_ONCE + 5))
    shown = "\n".join(lookups.blocks())
    assert estimate_tokens(shown) < MOST_TOKENS * 2
    assert "[cut]" in shown


@dataclass
class Curious:
    """Five passes that find one thing, and a check that asks to see something before it decides."""

    looks: Sequence[JsonValue]
    verdict: dict[str, JsonValue]
    label: str = "curious"
    checks: list[Question] = field(default_factory=list[Question])

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def ask(self, question: Question) -> Answer:
        if question.schema_name != "check_findings":
            return Answer(text=json.dumps({"findings": [said("api/orders.py", "check_access(user)")]}))
        self.checks.append(question)
        look = self.looks[len(self.checks) - 1] if len(self.checks) <= len(self.looks) else None
        return Answer(text=json.dumps({"look": look} if look else {"verdicts": [self.verdict]}))

    async def close(self) -> None: ...


REFUTED: dict[str, JsonValue] = {
    "number": 1,
    "verdict": "refuted",
    "path": "api/guard.py",
    "quote": "    return user.ok",
    "why": "It only reads",
}
READ: JsonValue = [{"tool": "read", "path": "api/guard.py", "line": 1}]


async def test_a_check_that_looks_first_may_quote_what_it_read(change: Change) -> None:
    model = Curious([READ], REFUTED)
    report = await BugHunter(model=model, budget=plenty()).review(change)
    assert [(one.checked, one.refuted_why) for one in report.findings] == [("refuted", "It only reads")]
    assert len(model.checks) == 2
    assert "return user.ok" not in model.checks[0].prompt
    assert model.checks[1].prompt.startswith(model.checks[0].prompt.rpartition("\n\n")[0]), "what was read is reused"


async def test_what_was_not_read_cannot_be_quoted(change: Change) -> None:
    report = await BugHunter(model=Curious([], REFUTED), budget=plenty()).review(change)
    assert [one.checked for one in report.findings] == ["plausible"]


async def test_a_check_that_only_looks_is_asked_three_times_and_no_more(change: Change) -> None:
    model = Curious([READ] * 50, REFUTED)
    report = await BugHunter(model=model, budget=plenty()).review(change)
    # The last question takes verdicts alone, and is repaired once.
    assert len(model.checks) == 2 + 2
    assert [one.checked for one in report.findings] == [""]
    assert "not checked: model answered with broken JSON, twice" in report.usage.role


@pytest.mark.parametrize("look", ["all", [{"tool": "shell", "word": "id"}], [1, None], {"tool": "read"}])
async def test_looks_that_cannot_be_read_cost_no_question(change: Change, look: JsonValue) -> None:
    model = Curious([], {**REFUTED, "verdict": "plausible"})
    original = model.ask

    async def ask(question: Question) -> Answer:
        answer = await original(question)
        if question.schema_name != "check_findings":
            return answer
        return answer.model_copy(update={"text": json.dumps({**json.loads(answer.text), "look": look})})

    model.ask = ask
    report = await BugHunter(model=model, budget=plenty()).review(change)
    assert (len(model.checks), [one.checked for one in report.findings]) == (1, ["plausible"])


@dataclass
class Searching:
    """Passes that ask to see the same each time, and report what they found when they may not ask again."""

    label: str = "searching"
    asked: list[Question] = field(default_factory=list[Question])

    def price(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float | None:
        return 0.0

    async def ask(self, question: Question) -> Answer:
        if question.schema_name == "check_findings":
            return Answer(text='{"verdicts": []}')
        self.asked.append(question)
        if "times to see something" in question.prompt:
            return Answer(text=json.dumps({"look": READ, "findings": []}))
        return Answer(text=json.dumps({"findings": [said("api/orders.py", "check_access(user)")], "look": READ}))

    async def close(self) -> None: ...


async def test_at_high_effort_each_pass_may_look_twice_before_it_answers(change: Change) -> None:
    model = Searching()
    report = await BugHunter(model=model, budget=plenty()).review(replace(change, effort="high"))
    passes = len(PLANS["high"].passes)
    assert len(model.asked) == 3 * passes
    assert sum("return user.ok" in one.prompt for one in model.asked) == 2 * passes
    assert all('"tool": "callers"' in one.instructions and "look" in json.dumps(one.schema) for one in model.asked)
    assert [one.title for one in report.findings] == [said("", "")["title"]]
    assert {one.state for one in report.readings} == {"reviewed"}


async def test_at_other_efforts_a_pass_answers_from_what_it_was_given(change: Change) -> None:
    model = Searching()
    report = await BugHunter(model=model, budget=plenty()).review(change)
    assert len(model.asked) == len(PLANS["normal"].passes)
    assert not any("look" in json.dumps(one.schema) or "You may ask" in one.prompt for one in model.asked)
    assert len(report.findings) == 1
