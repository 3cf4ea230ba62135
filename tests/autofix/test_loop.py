"""The agent's loop: what a model says becomes work, and everything it may do wrong has one end."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.domain.agents import AgentBudget, AgentResult
from app.domain.conversation import Answered, Opening, Result, ToolCall
from app.domain.errors import RateLimited, UserError
from app.llm.chat import ModelRefused, ModelUnavailable, PromptTooLong
from app.llm.talk import Hear, TalkRequest
from app.sandboxes.room import RoomToCome
from autofix import compaction
from tests.autofix.play import FINISHED, SUMS, Moves, Play, call, says


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


FIX = (
    says("It subtracts.", call("read", path="sums.py")),
    says("", call("edit", path="sums.py", old="a - b", new="a + b"), call("checks")),
    FINISHED,
)


async def test_a_finding_is_mended_step_by_step(play: Play) -> None:
    model = Moves(FIX)
    ended = await play.chunk(model)
    assert (ended.end, ended.result) == ("finished", AgentResult(summary="Adds again.", numbers=(2,)))
    assert (play.repo / "sums.py").read_text() == SUMS.replace("-", "+")
    assert [(one.tool, one.failed) for one in await play.results()] == [
        ("read", False),
        ("edit", False),
        ("checks", False),
    ]
    assert (play.row.spent.steps, play.row.spent.input_tokens, play.row.spent.output_tokens) == (3, 300, 30)


async def test_the_task_is_given_as_data_with_our_rules_beside_it(play: Play) -> None:
    model = Moves([FINISHED])
    await play.chunk(model)
    opening = model.requests[0].messages[0]
    assert isinstance(opening, Opening)
    assert opening.text.startswith("Mend finding 2 of the review")
    assert "Weaken, skip or delete a test" in opening.instructions
    block = opening.text.partition("<data-")[2]
    assert "add subtracts" in block
    assert {tool.name for tool in model.requests[0].tools} >= {"read", "edit", "run", "ask", "sub_agent", "finish"}


async def test_a_chunk_ends_after_its_steps_with_all_calls_made(play: Play) -> None:
    model = Moves([*(says("", call("run", command=f"echo {n}")) for n in range(5)), FINISHED])
    assert (await play.chunk(model, steps=2)).end == "goes_on"
    assert [one.text.split("\n")[1] for one in await play.results()] == ["0", "1"]
    assert (await play.chunk(model, steps=2)).end == "goes_on"
    assert (await play.chunk(model)).end == "finished"
    assert len(play.folder_room.started) == 5


async def test_a_plan_is_made_without_a_sandbox_and_carried_out_in_it(play: Play) -> None:
    model = Moves(
        [
            says("I will run it.", call("report_problem", problem="the build is slow"), call("run", command="echo 1")),
            FINISHED,
        ]
    )
    play.room = RoomToCome()
    for _ in range(2):
        # Begun again, as after a crash: nothing is asked twice.
        assert (await play.chunk(model)).end == "goes_on"
        assert (len(model.requests), play.problems) == (1, ["the build is slow"])
    play.room = None
    assert (await play.chunk(model)).end == "finished"
    assert [(one.tool, one.failed) for one in await play.results()] == [("report_problem", False), ("run", False)]
    assert len(model.requests) == 2


async def test_an_answer_in_words_needs_no_sandbox(play: Play) -> None:
    play.room, play.kind = RoomToCome(), "prompt"
    assert (await play.chunk(Moves([says("It adds.")]))).end == "finished"


@pytest.mark.parametrize(
    ("lost_sandbox", "without_files", "told"),
    [
        (True, False, "Your sandbox was lost"),
        (False, True, "installed or built"),
        (True, True, "Your sandbox was lost"),
    ],
)
async def test_the_agent_is_told_once_that_it_is_in_another_place(
    play: Play, lost_sandbox: bool, without_files: bool, told: str
) -> None:
    model = Moves([says("", call("run", command="true")), FINISHED])
    await play.chunk(model, steps=1)
    assert (await play.chunk(model, lost_sandbox=lost_sandbox, without_files=without_files)).end == "finished"
    [hint] = await play.hints()
    assert told in hint


async def test_each_request_holds_what_the_last_one_held(play: Play) -> None:
    """Providers' caches live on that."""
    model = Moves(FIX)
    await play.chunk(model)
    for before, after in zip(model.requests, model.requests[1:], strict=False):
        assert after.messages[: len(before.messages)] == before.messages


class TestPeople:
    async def test_a_question_waits_for_its_answer_without_asking_the_model(self, play: Play) -> None:
        model = Moves([says("", call("read", path="sums.py"), call("ask", question="Is zero allowed?")), FINISHED])
        ended = await play.chunk(model)
        assert (ended.end, ended.question) == ("asks", "Is zero allowed?")
        assert (await play.chunk(model)).question == "Is zero allowed?"
        assert len(model.requests) == 1
        play.prompts = ("Yes, it is.",)
        assert (await play.chunk(model)).end == "finished"
        assert [one.text for one in await play.results()][1:] == ["Yes, it is."]
        assert len(play.folder_room.started) == 1

    async def test_a_follow_up_is_heard_once(self, play: Play) -> None:
        model = Moves([FINISHED])
        await play.chunk(model)
        play.prompts = ("And mind negative numbers.",)
        model.moves = [says("", call("run", command="true")), FINISHED]
        model.requests.clear()
        assert (await play.chunk(model)).end == "finished"
        assert (await play.chunk(model)).end == "finished"
        assert len(model.requests) == 2
        assert (await play.hints()) == ["A person on the pull request says:\n\nAnd mind negative numbers."]

    async def test_a_question_of_words_is_answered_in_words(self, play: Play) -> None:
        play.kind, play.prompts = "prompt", ("Why is there a retry?",)
        ended = await play.chunk(Moves([says("Because networks fail. See client.py.")]))
        assert ended.result == AgentResult(
            summary="Because networks fail", answer="Because networks fail. See client.py."
        )


class TestSubAgents:
    async def test_a_sub_agent_has_a_conversation_of_its_own_and_reports(self, play: Play) -> None:
        model = Moves(
            [
                says("", call("sub_agent", "sub", task="Find all callers of add."), call("read", path="sums.py")),
                says("", call("search", pattern="add")),
                says("", call("finish", summary="Found them", answer="sums.py:1 alone")),
                FINISHED,
            ]
        )
        assert (await play.chunk(model)).end == "finished"
        inner, outer = model.requests[1], model.requests[3]
        assert isinstance(inner.messages[0], Opening)
        assert "Find all callers of add." in inner.messages[0].text
        assert len(inner.messages) == 1
        assert "ask" not in {tool.name for tool in inner.tools}
        results = {one.call_id: one.text for one in outer.messages if isinstance(one, Result)}
        assert results["sub"] == "sums.py:1 alone"
        assert len(results) == 2
        assert not any(isinstance(one, Opening) and one.for_call for one in outer.messages)

    async def test_a_sub_agent_that_never_ends_is_ended(self, play: Play) -> None:
        runs = [says("", call("run", command=f"echo {n}")) for n in range(20)]
        model = Moves([says("", call("sub_agent", "sub", task="Look for everything there is.")), *runs, FINISHED])
        assert (await play.chunk(model, steps=30)).end == "finished"
        assert len(model.requests) == 22
        last = [one for one in model.requests[-1].messages if isinstance(one, Result)]
        assert [(one.text, one.failed) for one in last] == [("It came to no end: its 20 steps are used.", True)]


class TestLimits:
    @pytest.mark.parametrize(
        ("budget", "reason"),
        [
            (AgentBudget(steps=3), "3 steps are used"),
            (AgentBudget(tokens=330), "330 tokens are used"),
            (AgentBudget(dollars=0.33), "$0.33 is spent"),
            (AgentBudget(seconds=0.1), "0 seconds are over"),
        ],
    )
    async def test_each_limit_stops_hard_and_says_which(self, play: Play, budget: AgentBudget, reason: str) -> None:
        play.budget = budget
        model = Moves(
            [lambda request: says("", call("run", command=f"echo {len(request.messages)}"))], dollars_a_token=0.001
        )
        ended = await play.chunk(model)
        assert ended.end == "budget"
        assert ended.reason.startswith(reason)
        assert len(model.requests) <= 3

    async def test_no_answer_may_cost_more_than_is_left(self, play: Play) -> None:
        play.budget = AgentBudget(dollars=0.05)
        model = Moves([FINISHED], dollars_a_token=0.00001)
        await play.chunk(model)
        assert 500 <= model.requests[0].max_output_tokens <= 5_000

    async def test_the_agent_is_told_when_little_is_left(self, play: Play) -> None:
        play.budget = AgentBudget(steps=6)
        await play.chunk(Moves([lambda request: says("", call("run", command=f"echo {len(request.messages)}"))]))
        assert [hint[:16] for hint in await play.hints()] == ["5 steps are left"]

    async def test_a_stopped_agent_does_nothing_more(self, play: Play) -> None:
        model = Moves([says("", call("run", command="echo 1"))])
        play.row.stopped = True
        assert (await play.chunk(model)).end == "stopped"
        assert model.requests == []

    async def test_a_model_that_says_nothing_until_the_time_is_over_is_cut_off(self, play: Play) -> None:
        class Silent(Moves):
            async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
                await asyncio.Event().wait()
                raise AssertionError

        play.budget = AgentBudget(seconds=0.3)
        ended = await play.chunk(Silent([]))
        assert (ended.end, ended.reason) == ("budget", "0 seconds are over")

    async def test_cancelling_reaches_the_model_at_once(self, play: Play) -> None:
        reached, left = asyncio.Event(), asyncio.Event()

        class Slow(Moves):
            async def talk(self, request: TalkRequest, hear: Hear) -> Answered:
                reached.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    left.set()
                raise AssertionError

        work = asyncio.create_task(play.chunk(Slow([])))
        await reached.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert left.is_set()
        assert play.live.said[-1] == ("close", "")


class TestWaywardModels:
    async def test_the_same_call_again_and_again_is_told_and_then_ended(self, play: Play) -> None:
        ended = await play.chunk(Moves([says("", call("read", path="sums.py"))]))
        assert (ended.end, ended.reason) == ("stuck", "it made the same call 6 times and nothing changed")
        assert ["will not help" in one.text for one in await play.results()] == [False, False, True, True, True, True]

    async def test_running_the_tests_after_each_change_is_no_circle(self, play: Play) -> None:
        moves = [
            says(
                "",
                call("write", "w", path="sums.py", content=f"x = {n}\n"),
                call("run", "r", command="python3 -m py_compile sums.py"),
            )
            for n in range(4)
        ]
        assert (await play.chunk(Moves([*moves, FINISHED]))).end == "finished"

    async def test_broken_and_unknown_calls_are_told_and_the_work_goes_on(self, play: Play) -> None:
        broken = ToolCall(call_id="1", name="read", arguments='{"path": ')
        unknown = ToolCall(call_id="2", name="deploy", arguments="{}")
        assert (await play.chunk(Moves([says("", broken, unknown), FINISHED]))).end == "finished"
        first, second = await play.results()
        assert first.failed
        assert "Invalid JSON" in first.text
        assert second.text.startswith("There is no tool 'deploy' here. There are: read, list,")

    async def test_calls_of_one_name_are_told_apart(self, play: Play) -> None:
        twice = says("", call("run", "same", command="echo 1"), call("run", "same", command="echo 2"))
        assert (await play.chunk(Moves([twice, FINISHED]))).end == "finished"
        assert [one.text.split("\n")[1] for one in await play.results()] == ["1", "2"]

    async def test_words_without_work_are_answered_and_then_ended(self, play: Play) -> None:
        ended = await play.chunk(Moves([says("I shall look into it."), says(""), says("Soon.")]))
        assert (ended.end, ended.reason) == ("stuck", "it stopped working without finishing")
        assert len(await play.hints()) == 2

    async def test_an_answer_that_broke_off_is_asked_for_in_parts(self, play: Play) -> None:
        model = Moves([says("Let me write").model_copy(update={"cut_off": True}), FINISHED])
        assert (await play.chunk(model)).end == "finished"
        assert "smaller parts" in (await play.hints())[0]

    @pytest.mark.parametrize(
        ("error", "end", "reason"),
        [
            (ModelRefused("model refused"), "stuck", "the model refused to go on"),
            (UserError("anthropic: 401, the key ends in …abc."), "stuck", "anthropic: 401, the key ends in …abc"),
            (PromptTooLong("too long"), "stuck", "its conversation no longer fits the model's window"),
        ],
    )
    async def test_what_is_final_ends_with_its_reason(
        self, play: Play, error: Exception, end: str, reason: str
    ) -> None:
        ended = await play.chunk(Moves([error]))
        assert (ended.end, ended.reason) == (end, reason)

    async def test_a_limit_is_waited_for_and_silence_is_tried_again(self, play: Play) -> None:
        until = datetime(2026, 3, 1, tzinfo=UTC)
        ended = await play.chunk(Moves([RateLimited(until, "model")]))
        assert (ended.end, ended.wait_until) == ("waits", until)
        with pytest.raises(ModelUnavailable):
            await play.chunk(Moves([ModelUnavailable("model answered 503")]))
        assert (await play.chunk(Moves([FINISHED]))).end == "finished"


class TestWhatTheModelSees:
    async def test_no_secret_and_nothing_unseen_reaches_it(self, play: Play) -> None:
        play.secrets = ("hunter2-canary",)
        token = "ghp_" + "a1B2" * 9
        (play.repo / "notes.txt").write_text(
            f"pw hunter2-canary\n{token}\n\x1b[31mred\x1b[0m\n{chr(0x200B)}ignore{chr(0xE0041)}\n"
        )
        await play.chunk(Moves([says("", call("read", path="notes.txt")), FINISHED]))
        (result,) = await play.results()
        assert result.text == (
            "    1\tpw [secret removed]\n    2\t[secret removed]\n    3\tred\n    4\tignore"
            "\n(2 characters that nobody sees are left out.)"
        )
        stored = b"".join([await play.blobs.get(key) for key in play.row.heads] + [str(play.live.said).encode()])
        assert b"canary" not in stored
        assert token.encode() not in stored

    async def test_a_long_conversation_is_shortened_and_goes_on(self, play: Play) -> None:
        (play.repo / "big.txt").write_text("a line of some length\n" * 1_000)
        moves = [says("", call("read", f"r{n}", path="big.txt", first=n + 1, count=800)) for n in range(14)]
        model = Moves([*moves, FINISHED], window=40_000)
        assert (await play.chunk(model, steps=40)).end == "finished"
        assert max(compaction.tokens(request.messages) for request in model.requests) < 40_000
        last = model.requests[-1].messages
        results = [one for one in last if isinstance(one, Result)]
        assert len(results) == 14
        assert "lines of read 'big.txt' left out" in results[0].text
        assert results[-1].text.startswith("   14\ta line")
        changes = sum(
            after.messages[: len(before.messages)] != before.messages
            for before, after in zip(model.requests, model.requests[1:], strict=False)
        )
        assert changes <= 6, "shortened now and then, not at every step: caches need what begins alike"

    async def test_a_window_smaller_than_we_think_is_met_by_leaving_out_more(self, play: Play) -> None:
        (play.repo / "big.txt").write_text("a line\n" * 400)
        model = Moves([says("", call("read", path="big.txt")), PromptTooLong("too long"), FINISHED])
        assert (await play.chunk(model)).end == "finished"
        assert "left out" in str(model.requests[-1].messages[-1])
