"""Carrying out one tool call: inside the sandbox, its outcome made fit for the model's eyes."""

import codecs
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta

from app.domain.agents import AgentTask
from app.domain.conversation import Result, ToolCall
from app.domain.invisible import strip_invisible
from autofix.base import Live, Parts
from autofix.live import OUTPUT, RESULT, TOOL
from autofix.tools.base import Outcome, Shown, Workplace
from autofix.tools.registry import AnyTool

# Sequences that move cursors and colour text.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# What do people see of a call and its result while it runs? The whole is in the conversation.
_SHOWN_LIVE = 2_000
# And of what one command prints?
_PRINTED_LIVE = 60_000


class _Terminal:
    """Passes on what one command prints, line by line, to those who watch."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = _PRINTED_LIVE

    def show(self, data: bytes) -> None:
        text = strip_invisible(_TERMINAL.sub("", self._decoder.decode(data)))
        if text and self._left > 0:
            self._live.say(OUTPUT, text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                self._live.say(OUTPUT, "\n… what follows is not shown while it runs\n")


class Hands:
    """Uses the tools of one agent."""

    def __init__(self, task: AgentTask, parts: Parts) -> None:
        self._task = task
        self._parts = parts

    async def use(self, call: ToolCall, tools: Mapping[str, AnyTool], *, place: str, within: timedelta) -> Outcome:
        """`place` says where in the conversation the call stands; with it a repeated call is the same one."""
        self._parts.live.say(TOOL, _live(call_id=call.call_id, tool=call.name, arguments=call.arguments[:_SHOWN_LIVE]))
        tool = tools.get(call.name)
        if tool is None:
            return Shown(f"There is no tool {call.name!r} here. There are: {', '.join(tools)}.", failed=True)
        workplace = Workplace(
            room=self._parts.room,
            exec_id=_exec_id(self._task.agent_id, place, call),
            within=within,
            checks=self._parts.checks,
            report_problem=self._parts.report_problem,
            watch=_Terminal(self._parts.live).show,
            numbers=tuple(one.number for one in self._task.findings),
        )
        return await tool.use(call.arguments, workplace)

    async def result(self, call: ToolCall, shown: Shown) -> Result:
        """What goes into the conversation: no secret, nothing that is not seen, no terminal's commands."""
        text = self._clean(shown.text)
        self._parts.live.say(
            RESULT, _live(call_id=call.call_id, tool=call.name, failed=shown.failed, text=text[:_SHOWN_LIVE])
        )
        picture_key = await self._parts.blobs.put(shown.png) if shown.png else ""
        return Result(call_id=call.call_id, tool=call.name, text=text, failed=shown.failed, picture_key=picture_key)

    def _clean(self, text: str) -> str:
        plain = _TERMINAL.sub("", text)
        seen = strip_invisible(plain)
        hidden = len(plain.replace("\r\n", "\n")) - len(seen)
        note = f"\n({hidden} characters that nobody sees are left out.)" if hidden > 0 else ""
        return self._parts.redactor.redact(seen) + note


def _exec_id(agent_id: str, place: str, call: ToolCall) -> str:
    # With the call's own words: two attempts whose models said different things must not take each other's results.
    words = hashlib.sha256(f"{call.name}\0{call.arguments}".encode("utf-8", "replace")).hexdigest()[:12]
    return f"{agent_id}-{place}-{words}"


def _live(**fields: str | bool) -> str:
    return json.dumps(fields)
