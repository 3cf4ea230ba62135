"""Every text of the documentation's sample pull request, compared letter by letter with its golden file."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from app.commands.registry import help_lines
from app.domain import answers
from app.domain.check_text import completed_check
from app.domain.diff import Diff, FileChange, Hunk, Line
from app.domain.errors import RateLimited
from app.domain.outcomes import Outcome, Verdict, decide
from app.domain.progress_text import ended_check, running_check, waiting_check
from app.domain.pull_request import Permission
from app.domain.repo_config import ConfigProblem, RepoConfig
from app.domain.review import CheckText
from app.domain.review_text import review_body
from app.domain.runs import PullRequestState, Run
from app.domain.status_text import config_text, help_text, status_text
from app.domain.thread_text import thread_body
from tests.texts.sample import HEAD, MERGE_BASE, OPEN, REF, RUN_ID, STARTED, VOICE, coverage, in_force, result

GOLDEN = Path(__file__).parent / "golden"
FULL_VOICE = VOICE.model_copy(update={"can_fix": True, "can_answer": True})
LIMIT = RateLimited(datetime(2026, 11, 3, 14, 30, tzinfo=UTC), "model")
STATE = PullRequestState(
    ref=REF, title="Refund on webhook retry", author="maria", url="https://github.com/x", head_sha=HEAD, state="open"
)
RUN = Run(
    run_id=RUN_ID,
    ref=REF,
    head_sha=HEAD,
    merge_base_sha=MERGE_BASE,
    base_ref="main",
    base_sha=MERGE_BASE,
    request="auto",
    patch_id="p",
    config_fingerprint="f",
    title="1 high, 2 medium · 12 files reviewed",
    started_at=STARTED,
    finished_at=STARTED,
)


def _check(text: CheckText) -> str:
    buttons = "".join(f" [{button.label}]" for button in text.buttons)
    return f"{text.conclusion or 'in progress'} | {text.title}\n\n{text.summary}\n\nButtons:{buttons or ' none'}"


def _incomplete() -> CheckText:
    gate = RepoConfig(fail_on="high")
    read = coverage(unread=2, skipped={"rates.csv": "over 500 kB"})
    problem = ConfigProblem(line=3, text="`comment_at: hgih` is not a severity; use low, medium or high.")
    return completed_check(
        result(
            open=OPEN[1:],
            to_post=(),
            held_back=(),
            coverage=read,
            verdict=decide(config=gate, coverage=read, open_findings=OPEN[1:]),
            config=in_force(gate, problems=(problem,)),
            carried_from_sha="81c0d2e" + "0" * 33,
            mended=OPEN[:1],
        ),
        VOICE.model_copy(update={"public_url": "https://corrigent.example"}),
    )


def _answers() -> str:
    spoken = (
        answers.permission_needed("apply", Permission.WRITE, "acme/shop", "sam", Permission.READ),
        answers.unknown_word("aply", "apply 1", VOICE),
        answers.withdrawn("api/guard.py:30 rejects that value first", VOICE),
        answers.budget_spent("acme/shop", 20.0, datetime(2026, 11, 4, tzinfo=UTC)),
        answers.fixed_in("9c2e1aa" + "0" * 33),
        answers.pull_request_budget_spent(2.0),
        answers.second_person_needed([1, 2], "sam"),
        answers.failed("The repository is archived"),
    )
    return "\n".join(spoken)


def _ended() -> str:
    verdicts = (
        Verdict(outcome=Outcome.SUPERSEDED, reason="abc1234"),
        Verdict(outcome=Outcome.SKIPPED, reason="Draft"),
        Verdict(outcome=Outcome.SKIPPED, reason="Merged before the review ended"),
        Verdict(outcome=Outcome.COULD_NOT_RUN, reason="model refused the key"),
    )
    return "\n\n---\n\n".join(_check(ended_check(verdict, RUN_ID, VOICE)) for verdict in verdicts)


def _running() -> str:
    line = Line(kind="added", text="x = 1", new=1)
    hunk = Hunk(old_start=0, old_count=0, new_start=1, new_count=1, lines=(line,))
    file = FileChange(path="a.py", old_path="a.py", kind="added", hunks=(hunk,))
    return _check(running_check(Diff(merge_base_sha="7" * 40, head_sha="4" * 40, files=(file,)), RUN_ID, VOICE))


TEXTS: dict[str, Callable[[], str]] = {
    "3.2-review": lambda: review_body(result(), FULL_VOICE),
    "3.2-review-without-fixes": lambda: review_body(result(to_post=(OPEN[0].finding_id,)), VOICE),
    "3.3-thread": lambda: thread_body(OPEN[0], RUN_ID, VOICE),
    "3.4-check": lambda: _check(completed_check(result(), VOICE)),
    "3.4-check-incomplete": lambda: _check(_incomplete()),
    "3.4-check-running": _running,
    "3.4-check-waiting": lambda: _check(waiting_check(LIMIT, gate=True, run_id=RUN_ID, voice=VOICE)),
    "3.4-check-ended": _ended,
    "3.6-answers": _answers,
    "3.7-help": lambda: help_text(help_lines(), VOICE),
    "3.7-status": lambda: status_text(STATE.model_copy(update={"paused": True}), RUN, OPEN, VOICE),
    "3.7-config": lambda: config_text(in_force(RepoConfig(fail_on="high"), origins={"fail_on": "locked"})),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_text_is_its_golden_file(name: str) -> None:
    assert TEXTS[name]() + "\n" == (GOLDEN / f"{name}.md").read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_our_own_name_is_only_ever_printed_as_code(name: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(TEXTS[name]())
    texts = [part.content for token in tokens for part in token.children or [] if part.type == "text"]
    assert not any("@" in text or "/corrigent" in text for text in texts)
