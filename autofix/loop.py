"""The agent's loop: the model says what to do, the tools do it, the model is shown what came of it.

Everything is written down before it is built on, so that the same chunk begun again after a crash goes on where the
other stopped: a call that was made has its result, one that runs is attached to, and only an answer of the model that
was not yet written down is asked for again.
"""

import asyncio
from datetime import timedelta

from app.domain.agents import AgentResult
from app.domain.conversation import ASK, Answered, Result, Told, ToolCall, last_speaker, pending_calls, prompts_heard
from app.domain.errors import RateLimited, UserError
from app.llm.chat import ModelRefused, PromptTooLong
from app.llm.talk import ModelChanged, TalkRequest
from app.sandboxes.room import RoomNotReady
from autofix import budget, compaction, prompt, repetition
from autofix.acting import Hands
from autofix.base import ChunkEnded, ChunkStart, Parts
from autofix.live import MODEL, TEXT
from autofix.memory import Memory, StoppedError
from autofix.tools.base import AskPeople, Delegate, Finish, Outcome, Shown
from autofix.tools.registry import OF_SUB_AGENTS, TOOLS

FINISH = "finish"
# How many answers may a sub-agent take? It reads and reports; what takes longer is no part of a task.
_SUB_AGENT_STEPS = 20
# So many answers in a row that use no tool and do not finish: it has stopped working.
_IDLE_AT_MOST = 3
# How many of the newest pictures does a model see?
_PICTURES = 3

_GO_ON = "Nothing was done: use the tools, and call `finish` when you are done."
_ANOTHER_PLACE = (
    "Your sandbox was lost. This is a new one: the newest of your changes may be missing, and nothing that you started "
    "is running. Look before you go on."
)
_WITHOUT_FILES = (
    "This is a new sandbox with your changes in it. What was installed or built beside them, in files that git "
    "ignores, was too much to be kept or no longer fits; the set-up commands have run again."
)
_CUT_OFF = "Your answer was too long and broke off. Go on in smaller parts."


async def run_chunk(start: ChunkStart, parts: Parts) -> ChunkEnded:
    """Up to `start.steps` answers of the model with all they ask for.

    ModelUnavailable and a sandbox that is gone are raised: to be begun again. ConversationMoved: not to be.
    """
    chunk = _Chunk(start, parts)
    try:
        return await chunk.run()
    except StoppedError:
        return ChunkEnded(end="stopped")
    finally:
        await parts.live.close()


class _Chunk:
    def __init__(self, start: ChunkStart, parts: Parts) -> None:
        self.start = start
        self.parts = parts
        self.memory = Memory(start, parts)
        self.hands = Hands(start.task, parts)
        self._place = _ANOTHER_PLACE if start.lost_sandbox else _WITHOUT_FILES if start.without_files else ""
        # Whose place the model took that answers next, and why; written down with its answer.
        self._took_over_from = ""

    async def run(self) -> ChunkEnded:
        await self.memory.recall()
        if not self.memory.whole:
            await self.memory.add(prompt.opening(self.start.task, self.parts.redactor))
        for _ in range(self.start.steps):
            if ended := await self._act() or await self._think():
                return ended
        return await self._act() or ChunkEnded(end="goes_on")

    async def _act(self) -> ChunkEnded | None:
        """Everything the model asked for that has no result yet, and what people said meanwhile."""
        while True:
            await self._hear()
            while pending := pending_calls(self.memory.messages):
                if ended := await self._use(*pending[0]):
                    return ended
                await self._hear()
            ended = await self._judge()
            # A sub-agent's end may leave calls of its agent.
            if ended or not pending_calls(self.memory.messages):
                return ended

    async def _judge(self) -> ChunkEnded | None:
        """What the newest message means; said from the conversation alone, so that a crash changes nothing."""
        messages = self.memory.messages
        if isinstance(newest := messages[-1], Answered):
            return await self._without_calls(newest)
        if (made := repetition.times_made(messages)) >= repetition.STOP_AT:
            return await self._give_up(f"it made the same call {made} times and nothing changed")
        if self.memory.sub_call_id and sum(isinstance(one, Answered) for one in messages) >= _SUB_AGENT_STEPS:
            return await self._give_up(f"its {_SUB_AGENT_STEPS} steps are used")
        return None

    async def _hear(self) -> None:
        """People's newest words: the answer to the agent's question, or something to do besides."""
        for words in self.start.task.prompts[prompts_heard(self.memory.whole) :]:
            pending = [call for _, call in pending_calls(self.memory.messages)]
            if self.memory.sub_call_id or (pending and pending[0].name not in {ASK, FINISH}):
                return
            if pending and pending[0].name == ASK:
                text = prompt.answered(words, self.parts.redactor)
                await self.memory.add(Result(call_id=pending[0].call_id, tool=ASK, text=text))
                continue
            for call in pending:
                await self.memory.add(Result(call_id=call.call_id, tool=call.name, text="Your work ended here."))
            await self.memory.add(Told(reason="prompt", text=prompt.told(words, self.parts.redactor)))

    async def _use(self, place: int, call: ToolCall) -> ChunkEnded | None:
        if reason := self._time_is_over():
            return ChunkEnded(end="budget", reason=reason)
        tools = OF_SUB_AGENTS if self.memory.sub_call_id else TOOLS
        within = timedelta(seconds=max(1.0, self._seconds_left()))
        try:
            outcome = await self.hands.use(call, tools, place=f"{self.memory.answers}-{place}", within=within)
        except RoomNotReady:
            # The plan is written down; the call is made as soon as there is a place for it.
            return ChunkEnded(end="goes_on")
        return await self._take(call, outcome)

    async def _take(self, call: ToolCall, outcome: Outcome) -> ChunkEnded | None:
        match outcome:
            case Shown():
                await self._show(await self.hands.result(call, outcome))
            case AskPeople(question=question):
                return ChunkEnded(end="asks", question=self.parts.redactor.redact(question))
            case Delegate(task=task):
                await self.memory.add(prompt.sub_opening(task, call.call_id))
            case Finish(result=result) if self.memory.sub_call_id:
                await self._report(result.answer or result.summary)
            case Finish(result=result):
                return ChunkEnded(end="finished", result=result)
        return None

    async def _show(self, result: Result) -> None:
        if repetition.times_made((*self.memory.messages, result)) >= repetition.TELL_AT:
            result = result.model_copy(update={"text": result.text + repetition.NOTE})
        await self.memory.add(result)

    async def _report(self, text: str, *, failed: bool = False) -> None:
        """A sub-agent's end: what it says is the result of the call it worked for."""
        call = ToolCall(call_id=self.memory.sub_call_id, name="sub_agent", arguments="")
        await self.memory.add(await self.hands.result(call, Shown(text, failed=failed)))

    async def _think(self) -> ChunkEnded | None:
        """One request to the model."""
        agent = self.start.agent
        if reason := budget.exceeded(agent.budget, self.memory.spent) or self._time_is_over():
            return ChunkEnded(end="budget", reason=reason)
        if self._place:
            await self._hint(self._place)
            self._place = ""
        if hint := budget.warning(agent.budget, self.memory.spent):
            await self._hint(hint)
        if marked := compaction.shortening(self.memory.messages, self.parts.model.window):
            await self.memory.add(marked)
        request = await self._request()
        if request.max_output_tokens == 0:
            input_tokens = compaction.tokens(request.messages)
            return ChunkEnded(end="budget", reason=budget.too_dear(agent.budget, self.memory.spent, input_tokens))
        return await self._ask(request)

    async def _ask(self, request: TalkRequest) -> ChunkEnded | None:
        try:
            answered = await self._answer(request)
        except RateLimited as limit:
            return ChunkEnded(end="waits", wait_until=limit.until)
        except ModelRefused:
            return await self._give_up("the model refused to go on")
        except UserError as error:
            return ChunkEnded(end="stuck", reason=str(error).rstrip(".")[:200])
        except PromptTooLong:
            return await self._make_room()
        except ModelChanged as changed:
            self._hand_on(changed)
            return None
        if answered is None:
            return ChunkEnded(end="budget", reason=budget.over(self.start.agent.budget))
        await self.memory.add(answered, budget.after(self.memory.spent, answered, self.parts.model))
        return None

    async def _answer(self, request: TalkRequest) -> Answered | None:
        """None when the time was over first."""
        limit = asyncio.timeout(self._seconds_left())
        try:
            async with limit:
                answered = await self.parts.model.talk(request, lambda text: self.parts.live.say(TEXT, text))
        except TimeoutError:
            if not limit.expired():
                raise
            return None
        by, self._took_over_from, took_over_from = self.parts.model.label, "", self._took_over_from
        return _named_apart(answered).model_copy(update={"by": by, "took_over_from": took_over_from})

    def _hand_on(self, changed: ModelChanged) -> None:
        """The next step is another model's, in what fits it. Said once, not in each chunk that it works on."""
        if last_speaker(self.memory.whole) != changed.by:
            self._took_over_from = changed.because
            self.parts.live.say(MODEL, str(changed))

    async def _request(self) -> TalkRequest:
        messages = compaction.visible(self.memory.messages)
        agent = self.start.agent
        tools = OF_SUB_AGENTS if self.memory.sub_call_id else TOOLS
        keys = [one.picture_key for one in messages if isinstance(one, Result) and one.picture_key]
        return TalkRequest(
            messages=messages,
            tools=tuple(tool.spec for tool in tools.values()),
            max_output_tokens=budget.output_tokens(
                agent.budget, self.memory.spent, self.parts.model, compaction.tokens(messages)
            ),
            cache_key=agent.agent_id,
            pictures={key: await self.parts.blobs.get(key) for key in keys[-_PICTURES:]},
        )

    async def _without_calls(self, answered: Answered) -> ChunkEnded | None:
        """Words alone: a sub-agent's report, the answer to a question, or a model that has lost its way."""
        said = answered.text.strip()
        if self.memory.sub_call_id and said:
            await self._report(said)
            return None
        if self.start.task.kind == "prompt" and said and not answered.cut_off:
            return ChunkEnded(end="finished", result=AgentResult(summary=_first_sentence(said), answer=said))
        if _idle(self.memory.messages) >= _IDLE_AT_MOST:
            return await self._give_up("it stopped working without finishing")
        await self._hint(_CUT_OFF if answered.cut_off else _GO_ON)
        return None

    async def _make_room(self) -> ChunkEnded | None:
        """The model's window is smaller than we think: leave out all that can be."""
        messages = self.memory.messages
        if marked := compaction.further(messages, len(messages)):
            await self.memory.add(marked)
            return None
        return await self._give_up("its conversation no longer fits the model's window")

    async def _give_up(self, reason: str) -> ChunkEnded | None:
        if self.memory.sub_call_id:
            await self._report(f"It came to no end: {reason}.", failed=True)
            return None
        return ChunkEnded(end="stuck", reason=reason)

    async def _hint(self, text: str) -> None:
        newest = self.memory.messages[-1]
        if isinstance(newest, Told) and newest.text == text:
            # Told by an attempt that ended before the model heard it.
            return
        await self.memory.add(Told(reason="hint", text=text))

    def _seconds_left(self) -> float:
        return self.start.agent.budget.seconds - self.memory.spent.seconds - self.memory.seconds_running

    def _time_is_over(self) -> str:
        return budget.over(self.start.agent.budget) if self._seconds_left() <= 0 else ""


def _named_apart(answered: Answered) -> Answered:
    """Some local models name all calls of an answer alike; each needs a result of its own."""
    ids = [call.call_id for call in answered.calls]
    if len(set(ids)) == len(ids) and all(ids):
        return answered
    calls = tuple(
        call.model_copy(update={"call_id": f"{call.call_id or 'call'}-{at}"}) for at, call in enumerate(answered.calls)
    )
    return answered.model_copy(update={"calls": calls, "native": ""})


def _idle(messages: tuple[object, ...]) -> int:
    """How many of the newest answers used no tool."""
    answers = [message for message in messages if isinstance(message, Answered)]
    working = [at for at, answered in enumerate(answers, 1) if answered.calls]
    return len(answers) - (working[-1] if working else 0)


def _first_sentence(text: str) -> str:
    line = " ".join(text.split())
    return line.partition(". ")[0][:200]
