"""What goes with a proof: complete, hashed, and harmless to whoever opens it."""

import hashlib
import json

import pytest

from app.domain.secrets import MASK, Redactor
from app.llm.chat import Answer, ModelOutputUnusable, Question
from app.sandboxes.base import Ended, Ran
from autofix.checks import CheckRun
from autofix.critic import Proposal, by_model
from autofix.evidence import LONGEST_LOG, Evidence, clean_log
from tests.autofix.proving import Kept, finding

TOKEN = "ghp_" + "a8Kd02LmQ9xZ7rT4vB1nC6yH3wE5sJ0uGfPq"


def run(output: bytes, *, junit: bytes | None = None) -> CheckRun:
    ended = Ended(ending="exited", exit_code=1, output_bytes=len(output), seconds=1.25)
    return CheckRun(command="make test", ran=Ran(ended=ended, output=output), junit=junit)


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"\x1b[31mred\x1b[0m\r\nnext", "red\nnext"),
        (b"\x1b]0;title\x07text\x1b]8;;http://evil\x1b\\link", "textlink"),
        (b"a\x00b\x08c\x9bd", "abc\ufffdd"),
        (b"50 %\r100 %\n", "50 %\n100 %\n"),
        (f"token={TOKEN}".encode(), f"token={MASK}"),
        ("\u202eevil\u200b".encode(), "evil"),
    ],
)
def test_logs_hold_text_and_no_secrets(output: bytes, shown: str) -> None:
    assert clean_log(output, Redactor()) == shown


def test_a_long_log_keeps_its_ends() -> None:
    shown = clean_log(b"begin" + b"x" * 500_000 + b"end", Redactor())
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert "characters left out" in shown
    assert len(shown) < LONGEST_LOG + 100


async def test_the_bundle_names_every_file_with_its_hash() -> None:
    evidence, kept = Evidence(Redactor(["hunter2-of-the-process"])), Kept()
    evidence.add("head", "the repository's checks", run(b"out hunter2-of-the-process\n", junit=b"<testsuite/>"))
    evidence.add("fixed", "the repository's checks", run(b"\x1b[1mfine\x1b[0m\n"))
    files = await evidence.bundle(kept.put, verdict="proved")
    assert [file.name for file in files] == [
        "01-head.log",
        "01-head.junit.xml",
        "02-fixed.log",
        "terminal.cast",
        "manifest.json",
    ]
    for file in files:
        content = kept.files[file.name]
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert b"hunter2" not in content
    manifest = json.loads(kept.files["manifest.json"])
    assert manifest["commands"][0] == {
        "what": "the repository's checks", "argv": ["sh", "-c", "make test"], "side": "head", "exit_code": 1,
        "ending": "exited", "seconds": 1.25, "log": "01-head.log",
    }  # fmt: skip
    header, *events = map(json.loads, kept.files["terminal.cast"].decode().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 120, 40)
    assert [event[0] for event in events] == [0.0, 1.25, 1.75, 3.0]
    assert all(kind == "o" for _, kind, _ in events)


@pytest.mark.parametrize("agrees", [True, False])
async def test_the_critic_sees_the_change_and_no_secrets(agrees: bool) -> None:
    asked: list[Question] = []

    async def ask(question: Question) -> Answer:
        asked.append(question)
        return Answer(text=f'Well: {{"agrees": {str(agrees).lower()}, "reason": "it mends the cause."}}')

    criticism = await by_model(ask)(Proposal(findings=[finding("shop.py")], patch=f"+x = '{TOKEN}'\n"))
    assert (criticism.agrees, criticism.reason) == (agrees, "it mends the cause")
    assert "Finding 1, shop.py:1: It is wrong" in asked[0].prompt
    assert TOKEN not in asked[0].prompt


async def test_a_critic_that_cannot_be_read_is_no_agreement() -> None:
    async def ask(_: Question) -> Answer:
        return Answer(text="I agree with everything.")

    with pytest.raises(ModelOutputUnusable):
        await by_model(ask)(Proposal(findings=[], patch=""))
