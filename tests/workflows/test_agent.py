"""In which order an agent works, and that every way out lets its sandboxes go and ends in a finished row."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.agents_at_work import APPLY, BEGIN, BY_MODEL, FINISHED, PROOF, WORK, Agents, Steps
from workflows import timing
from workflows.agent import KEPT_WHILE_WAITING
from workflows.agent_messages import (
    AgentEnding,
    AgentWord,
    BeginAgent,
    BegunAgent,
    ChunkDone,
    ChunkStep,
    DeliverFix,
    FixDelivered,
    PatchMade,
    ProofWanted,
    RoomGoing,
    RoomReady,
    RoomWanted,
    StagedFix,
)
from workflows.messages import Stop


async def test_an_analyser_s_own_fix_needs_no_model(agents: Agents, steps: Steps) -> None:
    steps.rule_fix_made = PatchMade(patch_key="p" * 64, numbers=(2,), whole=True)
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", *PROOF, "deliver", "leave"]
    [proof] = steps.heard(ProofWanted)
    assert (proof.made_by, proof.numbers, proof.sandbox.sandbox_id) == ("rule", (2,), "prove-1")


async def test_a_rule_s_fix_that_is_not_proved_is_made_by_the_model(agents: Agents, steps: Steps) -> None:
    steps.rule_fix_made = PatchMade(patch_key="p" * 64, numbers=(2,), whole=True)
    steps.grades = ["none", "checked"]
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", *PROOF, *BY_MODEL, "deliver"]


async def test_a_conversation_goes_on_until_the_agent_has_finished(agents: Agents, steps: Steps) -> None:
    steps.chunks = [ChunkDone(end="goes_on"), ChunkDone(end="goes_on"), FINISHED]
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", "chunk", "chunk", *BY_MODEL, "deliver"]
    [delivered] = steps.heard(DeliverFix)
    assert (delivered.fix_key, delivered.result_key, delivered.workspace_key) == ("f" * 64, "r" * 64, "w" * 64)


async def test_files_that_were_not_kept_are_told_of_once(agents: Agents, steps: Steps) -> None:
    steps.without_files, steps.chunks = True, [ChunkDone(end="goes_on"), FINISHED]
    await agents.tell()
    await agents.ended()
    assert [one.without_files for one in steps.heard(ChunkStep)] == [True, False]
    assert {one.task_key for one in steps.heard(RoomGoing)} == {WORK.task_key}


async def test_a_question_is_waited_for_without_a_sandbox(agents: Agents, steps: Steps) -> None:
    steps.chunks = [ChunkDone(end="asks", question_key="q" * 64), FINISHED]
    steps.begun = [WORK, WORK.model_copy(update={"workspace_key": "w" * 64})]
    await agents.tell()
    await agents.until("ask")
    assert steps.rooms == set()
    answer = AgentWord(kind="prompt", action_key="c" * 64)
    await agents.tell(answer)
    assert await agents.ended() == [
        *("begin", "room to work", "rule", "chunk", "leave", "ask"),
        *("begin", "room to work", *BY_MODEL, "deliver"),
    ]
    assert [one.word for one in steps.heard(BeginAgent)] == [BEGIN, answer]
    assert [one.workspace_key for one in steps.heard(RoomWanted)] == ["", "w" * 64, ""]


async def test_an_agent_that_nobody_answers_goes_on(agents: Agents, steps: Steps) -> None:
    steps.chunks = [ChunkDone(end="asks", question_key="q" * 64), FINISHED]
    steps.asked_for = timedelta(milliseconds=200)
    await agents.tell()
    assert (await agents.ended())[-1] == "deliver"
    assert [one.word.kind for one in steps.heard(BeginAgent)] == ["begin", "unanswered"]


async def test_a_lost_sandbox_is_replaced_and_the_agent_is_told(agents: Agents, steps: Steps) -> None:
    steps.losses = 1
    steps.begun = [WORK, WORK.model_copy(update={"workspace_key": "w" * 64})]
    await agents.tell()
    assert await agents.ended() == [
        *("begin", "room to work", "rule", "chunk", "leave"),
        *("begin", "room to work", *BY_MODEL, "deliver"),
    ]
    assert [one.again for one in steps.heard(BeginAgent)] == [False, True]
    assert [one.lost_sandbox for one in steps.heard(ChunkStep)] == [False, True]
    assert [one.workspace_key for one in steps.heard(RoomWanted)] == ["", "w" * 64, ""]


async def test_sandboxes_that_are_lost_again_and_again_are_the_end(agents: Agents, steps: Steps) -> None:
    steps.losses = 100
    await agents.tell()
    assert (await agents.ended())[-3:] == ["chunk", "leave", "end"]
    assert steps.done.count("chunk") == 3
    assert [one.reason for one in steps.heard(AgentEnding)] == ["It is gone."]


async def test_a_long_wait_for_the_model_needs_no_sandbox(agents: Agents, steps: Steps) -> None:
    soon = datetime.now(UTC) + KEPT_WHILE_WAITING + timedelta(hours=1)
    steps.chunks = [ChunkDone(end="waits", wait_until=soon), FINISHED]
    await agents.tell()
    await agents.until("leave")
    assert steps.rooms == set()
    assert await agents.turns.stop_agent("A", Stop(reason="stopped", by="maria"))
    # Wherever the word finds it, also in the middle of letting the sandbox go.
    assert list(dict.fromkeys(await agents.ended())) == ["begin", "room to work", "rule", "chunk", "leave", "end"]


async def test_without_a_sandbox_nothing_runs(agents: Agents, steps: Steps) -> None:
    steps.room = RoomReady(refusal="bwrap is not installed", no_backend=True)
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.state, ending.no_sandbox, ending.reason) == ("failed", True, "bwrap is not installed")


async def test_without_a_model_only_rules_mend(agents: Agents, steps: Steps) -> None:
    steps.begun = [WORK.model_copy(update={"without_model": "no model is configured"})]
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", "leave", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.no_model, ending.reason) == (True, "no model is configured")


@pytest.mark.parametrize("end", ["budget", "stuck"])
async def test_an_agent_that_cannot_go_on_says_why(agents: Agents, steps: Steps, end: str) -> None:
    steps.chunks = [ChunkDone.model_validate({"end": end, "reason": "80 steps are used"})]
    await agents.tell()
    assert (await agents.ended())[-3:] == ["chunk", "leave", "end"]
    assert [one.reason for one in steps.heard(AgentEnding)] == ["80 steps are used"]


async def test_what_policy_refuses_is_not_even_tried(agents: Agents, steps: Steps) -> None:
    steps.staged = StagedFix(refused_fix_key="x" * 64)
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "rule", "chunk", "patch", "leave", "stage", "deliver"]
    assert [one.fix_key for one in steps.heard(DeliverFix)] == ["x" * 64]


async def test_stop_ends_a_conversation_and_lets_the_sandbox_go(agents: Agents, steps: Steps) -> None:
    steps.hang = True
    await agents.tell()
    await agents.until("chunk")
    assert await agents.turns.stop_agent("A", Stop(reason="stopped", by="maria"))
    assert await agents.ended() == ["begin", "room to work", "rule", "chunk", "leave", "end"]
    [ending] = steps.heard(AgentEnding)
    assert (ending.state, ending.reason, ending.told) == ("stopped", "stopped by maria", False)
    assert not await agents.turns.stop_agent("A", Stop(reason="stopped"))


async def test_a_branch_that_moved_gets_one_more_try(agents: Agents, steps: Steps) -> None:
    steps.delivered = [FixDelivered(status="moved", head_sha="9" * 40), FixDelivered(status="pushed")]
    await agents.tell()
    done = await agents.ended()
    assert (done.count("begin"), done.count("deliver"), done.count("end")) == (2, 2, 0)
    assert [one.may_try_again for one in steps.heard(DeliverFix)] == [True, False]
    assert [one.round for one in steps.heard(BeginAgent)] == [1, 2]


async def test_a_failing_step_ends_with_its_sentence(agents: Agents, steps: Steps) -> None:
    steps.prove_fails = True
    await agents.tell()
    assert (await agents.ended())[-3:] == ["prove", "leave", "end"]
    assert [(one.state, one.reason) for one in steps.heard(AgentEnding)] == [("failed", "the key was refused")]


async def test_a_fix_that_is_there_is_only_delivered(agents: Agents, steps: Steps) -> None:
    steps.begun = [BegunAgent(status="deliver")]
    await agents.tell(APPLY)
    assert await agents.ended() == ["begin", "deliver"]
    assert [(one.word, one.fix_key) for one in steps.heard(DeliverFix)] == [(APPLY, "")]


async def test_the_same_word_twice_is_one_word(agents: Agents, steps: Steps) -> None:
    steps.begun = [WORK, BegunAgent(status="over")]
    await asyncio.gather(agents.tell(), agents.tell())
    assert (await agents.ended()).count("deliver") == 1


async def test_a_machine_that_stays_silent_is_given_up_with_its_sandbox(agents: Agents, steps: Steps) -> None:
    """What it was asked for is asked again in another sandbox; the reaper of its own has the first one."""
    agents.turns.time_scale = 1 / 600
    steps.silent_machines = 1
    await agents.tell()
    assert await agents.ended() == ["begin", "room to work", "begin", "room to work", "rule", *BY_MODEL, "deliver"]
    assert [one.again for one in steps.heard(BeginAgent)] == [False, True]
    assert [one.lost_sandbox for one in steps.heard(ChunkStep)] == [True]
    assert timing.MACHINE_ANSWERS * agents.turns.time_scale == timedelta(seconds=0.5)
