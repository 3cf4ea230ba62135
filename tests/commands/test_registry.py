"""From a parsed line to a plan: who may, what is meant, what is answered."""

import pytest
from pydantic import TypeAdapter

from app.commands.base import (
    DecideRule,
    Dismiss,
    DismissalKind,
    Facts,
    Pause,
    Plan,
    Remember,
    Resume,
    Say,
    ShowConfig,
    ShowHelp,
    ShowRules,
    ShowStatus,
    StartAgent,
    StartFix,
    StartReview,
    Stop,
)
from app.commands.dismiss import kept_as
from app.commands.parser import parse
from app.commands.registry import COMMANDS, help_lines, plan
from app.domain.phrases import Voice
from app.domain.pull_request import Permission, Person
from app.domain.repo_config import RepoConfig
from tests.texts.sample import OPEN

SAM = Person(user_id="1", login="sam")
MARIA = Person(user_id="2", login="maria")
FACTS = Facts(
    actor=SAM,
    permission=Permission.WRITE,
    repo_name="acme/shop",
    author=MARIA,
    open_findings=OPEN,
    config=RepoConfig(),
    running=True,
    learned=(7,),
    voice=Voice(),
)


def planned(line: str, **changes: object) -> Plan:
    [parsed] = parse(f"/corrigent {line}", mentions=("/corrigent",), previous_body=None)
    return plan(parsed, FACTS.model_copy(update=changes))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("review", StartReview()),
        ("review full", StartReview(full=True)),
        ("Review FULL", StartReview(full=True)),
        ("pause", Pause()),
        ("resume", Resume()),
        ("stop", Stop()),
        ("status", ShowStatus()),
        ("config", ShowConfig()),
        ("help", ShowHelp()),
        ("dismiss 2", Dismiss(numbers=(2,), why="", counted_as="other")),
        ("dismiss #2: wrong, it is checked", Dismiss(numbers=(2,), why="wrong, it is checked", counted_as="wrong")),
        ("dismiss 2 accepted risk by us", Dismiss(numbers=(2,), why="accepted risk by us", counted_as="accepted-risk")),
        ("dismiss 2 won't fix", Dismiss(numbers=(2,), why="won't fix", counted_as="wont-fix")),
        ("dismiss 2 later on", Dismiss(numbers=(2,), why="later on", counted_as="later")),
        ("dismiss 2 wrongly raised", Dismiss(numbers=(2,), why="wrongly raised", counted_as="other")),
        ("dismiss 1, 2 and 3 noise", Dismiss(numbers=(1, 2, 3), why="noise", counted_as="other")),
        ("dismiss 2 3 times raised", Dismiss(numbers=(2,), why="3 times raised", counted_as="other")),
        ("dismiss findings 1, 1 noise", Dismiss(numbers=(1,), why="noise", counted_as="other")),
        ("fix", StartFix(numbers=(1, 2, 3))),
        ("fix 2", StartFix(numbers=(2,))),
        ("fix 1 and 3", StartFix(numbers=(1, 3))),
        ("fix 2 use a transaction", StartFix(numbers=(2,), hint="use a transaction")),
        ("apply 2", StartFix(numbers=(2,), apply=True)),
        ("agent add a test", StartAgent(prompt="add a test")),
        ("remember  money is\u200b in cents ", Remember(text="money is in cents")),
        ("forget R7", DecideRule(number=7, on=False)),
        ("rules", ShowRules()),
    ],
)
def test_a_line_becomes_a_plan(line: str, expected: Plan) -> None:
    assert planned(line) == expected
    assert TypeAdapter[Plan](Plan).validate_json(expected.model_dump_json()) == expected


def test_a_maintainer_s_rule_is_in_force_at_once() -> None:
    maintainer = Permission.MAINTAIN
    assert planned("remember so it is", permission=maintainer) == Remember(text="so it is", active=True)
    assert planned("rule 7 ON", permission=maintainer) == DecideRule(number=7, on=True)


def test_in_a_thread_the_number_may_be_left_out() -> None:
    assert planned("dismiss wrong", thread_number=3) == Dismiss(numbers=(3,), why="wrong", counted_as="wrong")
    assert planned("dismiss 2 wrong", thread_number=3) == Dismiss(numbers=(2,), why="wrong", counted_as="wrong")
    assert planned("fix", thread_number=3) == StartFix(numbers=(3,))
    assert planned("fix use a lock", thread_number=3) == StartFix(numbers=(3,), hint="use a lock")
    assert planned("apply", thread_number=3) == StartFix(numbers=(3,), apply=True)


@pytest.mark.parametrize(
    ("line", "changes", "because", "text"),
    [
        (
            "review everything; rm -rf",
            {},
            "usage",
            '`review` takes nothing after it but "full": `/corrigent review full`. Nothing was done.',
        ),
        ("stop now", {}, "usage", "`stop` takes nothing after it: `/corrigent stop`. Nothing was done."),
        ("stop", {"running": False}, "state", "Nothing is running on this pull request. Nothing was done."),
        ("review", {"state": "merged"}, "state", "This pull request is merged. Nothing was done."),
        (
            "dismiss",
            {},
            "usage",
            "`dismiss` needs the number of a finding: `/corrigent dismiss 2 why`. Nothing was done.",
        ),
        (
            "dismiss 2 and 9",
            {},
            "no_such_finding",
            "There is no open finding 9 on this pull request. Open here: 1, 2 and 3. Nothing was done.",
        ),
        (
            "dismiss 9",
            {"open_findings": ()},
            "no_such_finding",
            "There is no open finding 9 on this pull request. None is open here. Nothing was done.",
        ),
        (
            "dismiss 1, 2 noise",
            {"author": SAM, "config": RepoConfig(fail_on="high")},
            "second_person",
            "Finding 1 blocks this check and sam opened the pull request: somebody else with write access has to "
            "dismiss it. Nothing was done.",
        ),
        ("dismis 1", {}, "unknown", "I do not know `dismis`. Did you mean `dismiss 1`? All words: `/corrigent help`"),
        ("stauts", {}, "unknown", "I do not know `stauts`. Did you mean `status`? All words: `/corrigent help`"),
        ("@org/all `x`", {}, "unknown", "I do not know `@org/all`. All words: `/corrigent help`"),
        (
            "remember",
            {},
            "usage",
            "`remember` needs a rule in words: `/corrigent remember money is in cents`. Nothing was done.",
        ),
        (
            "forget R9",
            {"learned": (1, 2)},
            "no_such_rule",
            "There is no rule R9 here. Known: R1 and R2. Nothing was done.",
        ),
        (
            "forget 9",
            {"learned": ()},
            "no_such_rule",
            "There is no rule R9 here. None was learned yet. Nothing was done.",
        ),
        ("forget it", {}, "usage", "`forget` needs the number of a rule: `/corrigent forget R7`. Nothing was done."),
        (
            "rule R1",
            {"learned": (1,), "permission": Permission.MAINTAIN},
            "usage",
            "`rule` needs on or off: `/corrigent rule R7 on`. Nothing was done.",
        ),
        (
            "rule R1 on",
            {"learned": (1,)},
            "permission",
            "`rule` needs maintain access to acme/shop; sam can write. Nothing was done.",
        ),
        (
            "fix 9 please",
            {},
            "no_such_finding",
            "There is no open finding 9 on this pull request. Open here: 1, 2 and 3. Nothing was done.",
        ),
        (
            "fix everything",
            {},
            "usage",
            "`fix` takes numbers of findings, then a hint: `/corrigent fix 2`. Nothing was done.",
        ),
        (
            "fix",
            {"open_findings": ()},
            "no_such_finding",
            "No finding is open on this pull request. Nothing was done.",
        ),
        ("fix", {"state": "closed"}, "state", "This pull request is closed. Nothing was done."),
        (
            "fix 1",
            {"fixes_locked": True},
            "policy",
            "Fixes are turned off here: this installation's operator has locked `autofix: off`. Nothing was done.",
        ),
        ("apply", {}, "usage", "`apply` needs the number of a finding: `/corrigent apply 2`. Nothing was done."),
        (
            "apply 2 quickly",
            {},
            "usage",
            "`apply` takes nothing after the number: `/corrigent apply 2`. Nothing was done.",
        ),
        ("aply 1", {}, "unknown", "I do not know `aply`. Did you mean `apply 1`? All words: `/corrigent help`"),
        (
            "agent",
            {},
            "usage",
            "`agent` needs a task in words: `/corrigent agent add a test for refunds`. Nothing was done.",
        ),
        ("agent do it", {"state": "merged"}, "state", "This pull request is merged. Nothing was done."),
        (
            "agent do it",
            {"fixes_locked": True},
            "policy",
            "Fixes are turned off here: this installation's operator has locked `autofix: off`. Nothing was done.",
        ),
    ],
)
def test_what_cannot_be_done_is_answered(line: str, changes: dict[str, object], because: str, text: str) -> None:
    said = planned(line, **changes)
    assert isinstance(said, Say)
    assert (said.because, said.text) == (because, text)


def test_ones_own_finding_that_blocks_nothing_may_be_dismissed() -> None:
    gate = RepoConfig(fail_on="high")
    assert isinstance(planned("dismiss 2 noise", author=SAM, config=gate), Dismiss)
    assert isinstance(planned("dismiss 1 noise", author=None, config=gate), Dismiss)
    assert isinstance(planned("dismiss 1 noise", author=SAM), Dismiss)


@pytest.mark.parametrize("word", [*COMMANDS, "nonsense"])
@pytest.mark.parametrize("permission", list(Permission))
def test_only_who_may_is_obeyed(word: str, permission: Permission) -> None:
    made = planned(f"{word} 2" if word == "dismiss" else word, permission=permission)
    needed = COMMANDS[word].needs if word in COMMANDS else Permission.READ
    refused = isinstance(made, Say) and made.because == "permission"
    assert refused is not permission.allows(needed)


def test_a_reader_is_told_what_is_missing() -> None:
    said = planned("review", permission=Permission.READ)
    assert isinstance(said, Say)
    assert said.text == "`review` needs write access to acme/shop; sam can read. Nothing was done."


def test_every_command_is_on_the_help_page() -> None:
    assert {line.usage.split()[0] for line in help_lines()} == set(COMMANDS)


@pytest.mark.parametrize(
    ("why", "kind", "kept"),
    [
        ("", "other", "other"),
        ("noise", "other", "other: noise"),
        ("wrong", "wrong", "wrong"),
        ("Wrong, it is checked", "wrong", "wrong: it is checked"),
        ("won't fix: too old", "wont-fix", "wont-fix: too old"),
        ("accepted risk by us", "accepted-risk", "accepted-risk: by us"),
        ("later, when later rates move", "later", "later: when later rates move"),
    ],
)
def test_the_reason_stays_with_the_finding_and_names_its_kind_once(why: str, kind: DismissalKind, kept: str) -> None:
    assert kept_as(Dismiss(numbers=(1,), why=why, counted_as=kind)) == kept
