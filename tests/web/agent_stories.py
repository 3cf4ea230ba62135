"""Agents that tests write into the store themselves, with real conversations, patches and proofs."""

import hashlib
import json
from dataclasses import dataclass

from pydantic import JsonValue

from app.domain.actions import Action
from app.domain.agents import Agent, AgentKind, Spending
from app.domain.conversation import Answered, Message, Opening, Result, Told, ToolCall
from app.domain.fixes import (
    RECORDING,
    ChangedFile,
    Comparison,
    EvidenceFile,
    Fix,
    Patch,
    Proof,
    ProvingCommand,
    SecondLook,
)
from app.domain.pull_request import Person
from app.domain.review import ReviewerUsage
from app.store.conversations import Conversation, Conversations
from app.wiring import Store
from tests.web.stories import NOW, REF

HEAD = "4be1d07" + "0" * 33
PATCH = b"""diff --git a/billing/refunds.py b/billing/refunds.py
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/billing/refunds.py
+++ b/billing/refunds.py
@@ -8,3 +8,3 @@ def handle(event):
     event = parse(body)
-    issue_refund(event)
+    store(event)
     done()
"""
# What a command printed that a page cuts.
LONG = "begin " + "x" * 6_000 + " end"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


async def begin_agent(store: Store, *, words: str = "", kind: AgentKind = "fix", key: str = "act-1") -> Agent:
    """Asked for by maria below the pull request."""
    maria = Person(user_id="5", login="maria")
    action = Action(action_key=key, ref=REF, word="fix", argument=words, actor=maria, source="comment", received_at=NOW)
    await store.actions.record(action)
    return await store.agents.begin(
        ref=REF, claim=key, kind=kind, numbers=(1,) if kind == "fix" else (), asked_by=maria,
        delivery="suggest", head_sha=HEAD, now=NOW, action_key=key,
    )  # fmt: skip


async def say(store: Store, agent: Agent, *messages: Message, spent: Spending | None = None) -> str:
    """As an agent's work does it: each message is stored before the row knows it; the newest one's key."""
    conversation = Conversation()
    for message in messages:
        after = conversation.head
        conversation = await Conversations(store.blobs).append(conversation, message)
        await store.agents.advance(
            agent.agent_id, after=after, head=conversation.head, spent=spent or Spending(steps=2, dollars=0.04)
        )
    return conversation.head


def call(tool: str, arguments: str, call_id: str = "c1") -> ToolCall:
    return ToolCall(call_id=call_id, name=tool, arguments=arguments)


@dataclass(frozen=True)
class Words:
    """What everybody in an agent's story says, so that a test can have all of them hostile."""

    said: str = "A test that shows it."
    command: str = "python3 -m unittest"
    printed: str = LONG
    compared: str = "2 refunds"
    reason: str = ""
    model: str = "anthropic:a"
    looked: str = "it mends the cause"
    log: str = "# head\n$ pytest\n1 failed"
    name: str = "01-head.log"
    patch: bytes = PATCH


async def worked(store: Store, words: Words | None = None) -> Agent:
    """An agent that asked its tools twice, with a proved fix on the pull request's branch."""
    words = words or Words()
    agent = await begin_agent(store, words=words.said)
    picture = await store.blobs.put(PNG)
    await say(
        store,
        agent,
        Opening(instructions="Our instructions.", text=words.said),
        Answered(text=words.said, calls=(call("run", _json(command=words.command)),), input_tokens=900, by=words.model),
        Result(call_id="c1", tool="run", text=words.printed, failed=True),
        Told(reason="prompt", text=words.said),
        Answered(
            text="",
            calls=(call("screenshot", words.command),),
            by="openai:b",
            took_over_from=f"{words.model} (refused)",
        ),
        Result(call_id="c1", tool="screenshot", text="", picture_key=picture),
        spent=Spending(steps=2, dollars=0.04, usages=_usages(words.model)),
    )
    await end_with_fix(store, agent, words)
    return agent


def _usages(model: str) -> tuple[ReviewerUsage, ...]:
    return (
        ReviewerUsage(model=model, requests=1, dollars=0.04),
        ReviewerUsage(model="openai:b", requests=1, dollars=None),
    )


async def end_with_fix(store: Store, agent: Agent, words: Words) -> None:
    log = await evidence(store, words.name, words.log.encode())
    recording = await evidence(store, RECORDING, cast(words.log).encode())
    proof = Proof(
        grade="proved",
        comparisons=(
            Comparison(what=words.command, is_new=True, before=words.compared, after="pass", held=True),
            Comparison(what="finding 1, reviewed again", before="present", after="gone", held=True),
        ),
        reason=words.reason,
        commands=(
            ProvingCommand(
                argv=("sh", "-c", words.command), side="head", exit_code=1, ending="exited", seconds=1.2, log=log.name
            ),
        ),
        second_look=SecondLook(agrees=True, reason=words.looked),
        evidence=(log, await evidence(store, "report.html", b"<script>alert(1)</script>"), recording),
        sandbox="bubblewrap",
    )
    patch = Patch(
        patch_key=await store.blobs.put(words.patch),
        head_sha=HEAD,
        files=(ChangedFile(path="billing/refunds.py", added=1, removed=1),),
    )
    fix = Fix(
        agent_id=agent.agent_id, numbers=(1,), patch=patch, proof=proof, summary=words.said, pushed_sha="9c2e1aa" * 5
    )
    fix_key = await store.blobs.put_model(fix)
    await store.agents.change(agent.agent_id, fix_key=fix_key, grade="proved")
    await store.agents.end(agent.agent_id, "done", "proved, head", NOW)


def cast(text: str) -> str:
    """A recording of twenty seconds: a command, a long silence, and what it printed."""
    shown = text.replace("\n", "\r\n")
    lines = ({"version": 2, "width": 80, "height": 24}, [0.0, "o", "\x1b[1m# head\x1b[0m\r\n"], [20.0, "o", shown])
    return "\n".join(json.dumps(line) for line in lines)


async def evidence(store: Store, name: str, content: bytes) -> EvidenceFile:
    key = await store.blobs.put(content)
    digest = hashlib.sha256(content).hexdigest()
    return EvidenceFile(name=name, blob_key=key, mime="text/html", size=len(content), sha256=digest)


def _json(**arguments: JsonValue) -> str:

    return json.dumps(arguments)
