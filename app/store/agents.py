"""Agents: what each was begun for, once, how far it is, and what it has spent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select, update
from typing_extensions import Unpack

from app.domain.agents import Agent, AgentBudget, AgentKind, AgentState, Delivery, Spending
from app.domain.pull_request import Person, PullRequestRef
from app.store.addresses import is_at
from app.store.agent_rows import AgentRow, select_agent_rows, to_agent, to_agent_row, to_row
from app.store.database import Database
from app.store.ids import new_id
from app.store.streams import append_event
from app.store.tables import agents

ENDED: tuple[AgentState, ...] = ("done", "failed", "stopped")
# How the claims of those begin that nobody asked for.
UNASKED = "auto/"
_CLAIM = ("connection", "repo_id", "pull_request_number", "claim")


class Changes(TypedDict, total=False):
    """What of an agent changes while it works."""

    state: AgentState
    action_key: str
    asked_by: Person
    delivery: Delivery
    numbers: tuple[int, ...]
    prompt_key: str
    head_sha: str
    conversation: str
    budget: AgentBudget
    spent: Spending
    attempt: int
    task_key: str
    fix_key: str
    snapshot_key: str
    grade: str
    comment_id: str
    thread_comment_id: str
    question_comment_id: str
    asks_until: datetime | None
    ending: str
    finished_at: datetime | None


class Agents:
    """The row, not the workflow, decides what happens once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(
        self,
        *,
        ref: PullRequestRef,
        claim: str,
        kind: AgentKind,
        numbers: Sequence[int],
        asked_by: Person,
        delivery: Delivery,
        head_sha: str,
        now: datetime,
        action_key: str = "",
        prompt_key: str = "",
        parent_agent_id: str = "",
        thread_comment_id: str = "",
        budget: AgentBudget | None = None,
    ) -> Agent:
        """Claimed by what it is for: an action's key, or a run with a finding. Asked again, it is the same agent."""
        agent = Agent(
            agent_id=new_id(now),
            ref=ref,
            kind=kind,
            action_key=action_key,
            numbers=tuple(numbers),
            prompt_key=prompt_key,
            asked_by=asked_by,
            delivery=delivery,
            head_sha=head_sha,
            parent_agent_id=parent_agent_id,
            thread_comment_id=thread_comment_id,
            budget=budget or AgentBudget(),
            started_at=now,
        )
        return await self._db.write(lambda sql: self._begin(sql, agent, claim))

    def _begin(self, sql: Connection, agent: Agent, claim: str) -> Agent:
        mine = is_at(agents, agent.ref) & (agents.c.claim == claim)
        statement = self._db.insert(agents).values({**to_row(agent), "claim": claim})
        sql.execute(statement.on_conflict_do_nothing(index_elements=_CLAIM))
        return to_agent(sql.execute(select(agents).where(mine)).mappings().one())

    async def get(self, agent_id: str) -> Agent | None:
        return await self._first(select(agents).where(agents.c.agent_id == agent_id))

    async def change(
        self, agent_id: str, *, while_in: Sequence[AgentState] = (), **changes: Unpack[Changes]
    ) -> Agent | None:
        """The agent as it is then; None when it is in none of those states any more, and nothing was changed."""
        which = agents.c.agent_id == agent_id
        if while_in:
            which &= agents.c.state.in_(while_in)
        values = _as_columns(changes)
        statement = update(agents).where(which).values(values).returning(agents)
        row = await self._db.write(lambda sql: sql.execute(statement).mappings().one_or_none())
        return None if row is None else to_agent(row)

    async def enter(self, agent_id: str, state: AgentState, now: datetime) -> None:
        """A stage of its work, on the row and for those who watch; what has ended stays ended."""

        def work(sql: Connection) -> None:
            going = (agents.c.agent_id == agent_id) & agents.c.state.not_in((*ENDED, state))
            if sql.execute(update(agents).where(going).values(state=state)).rowcount:
                append_event(sql, stream_of(agent_id), kind="state", data=state, attempt=1, now=now)

        await self._db.write(work)

    async def reopen(self, agent_id: str, now: datetime, **changes: Unpack[Changes]) -> Agent | None:
        """Somebody said something more to it: it works again."""

        def work(sql: Connection) -> RowMapping | None:
            values = {"ending": "", "finished_at": None, **_as_columns(changes), "state": "working"}
            statement = update(agents).where(agents.c.agent_id == agent_id).values(values).returning(agents)
            row = sql.execute(statement).mappings().one_or_none()
            append_event(sql, stream_of(agent_id), kind="state", data="working", attempt=1, now=now)
            return row

        row = await self._db.write(work)
        return None if row is None else to_agent(row)

    async def end(self, agent_id: str, state: AgentState, ending: str, now: datetime) -> bool:
        """False when it had ended before, which stands."""

        def work(sql: Connection) -> bool:
            going = (agents.c.agent_id == agent_id) & agents.c.state.not_in(ENDED)
            values = {"state": state, "ending": ending, "finished_at": now, "asks_until": None}
            if sql.execute(update(agents).where(going).values(values)).rowcount == 0:
                return False
            append_event(sql, stream_of(agent_id), kind="end", data=state, attempt=1, now=now)
            return True

        return await self._db.write(work)

    async def advance(
        self, agent_id: str, *, after: str, head: str, spent: Spending
    ) -> Literal["advanced", "moved", "ended"]:
        """The conversation's head goes from `after` to `head`; moved: somebody else goes on with it, ended: nobody may.

        Said again after a crash, it is still advanced.
        """

        def work(sql: Connection) -> Literal["advanced", "moved", "ended"]:
            row = sql.execute(select(agents).where(agents.c.agent_id == agent_id).with_for_update()).mappings().one()
            if row["state"] in ENDED:
                return "ended"
            if row["conversation"] not in {after, head}:
                return "moved"
            values = {"conversation": head, "spent": spent.model_dump(mode="json")}
            sql.execute(update(agents).where(agents.c.agent_id == agent_id).values(values))
            return "advanced"

        return await self._db.write(work)

    async def running(self, ref: PullRequestRef) -> list[Agent]:
        return await self._all(is_at(agents, ref) & agents.c.state.not_in(ENDED))

    async def of(self, ref: PullRequestRef) -> list[Agent]:
        """Oldest first."""
        return await self._all(is_at(agents, ref))

    async def in_thread(self, ref: PullRequestRef, thread_comment_id: str) -> Agent | None:
        """The newest that spoke in this thread."""
        which = is_at(agents, ref) & (agents.c.thread_comment_id == thread_comment_id) & (agents.c.comment_id != "")
        return await self._first(select(agents).where(which).order_by(agents.c.agent_id.desc()).limit(1))

    async def unasked(self, ref: PullRequestRef) -> int:
        """How many began here without anybody's command."""
        unasked = agents.c.claim.startswith(UNASKED, autoescape=True)
        query = select(func.count()).select_from(agents).where(is_at(agents, ref), unasked)
        return await self._db.read(lambda sql: sql.execute(query).scalar_one())

    async def unfinished(self, started_before: datetime) -> list[Agent]:
        """Those the janitor asks after."""
        return await self._all((agents.c.started_at < started_before) & agents.c.state.not_in(ENDED))

    async def page(
        self, *, repos: Sequence[tuple[str, str]] | None, limit: int = 50, before: str | None = None
    ) -> list[AgentRow]:
        """Newest first, from the one after `before`; only of repositories the viewer may see (None: all)."""
        query = select_agent_rows(repos).order_by(agents.c.agent_id.desc()).limit(limit)
        if before is not None:
            query = query.where(agents.c.agent_id < before)
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [to_agent_row(row) for row in rows]

    async def row(self, agent_id: str, repos: Sequence[tuple[str, str]] | None) -> AgentRow | None:
        """None when there is no such agent, or when the viewer may not see it."""
        query = select_agent_rows(repos).where(agents.c.agent_id == agent_id)
        row = await self._db.read(lambda sql: sql.execute(query).mappings().one_or_none())
        return None if row is None else to_agent_row(row)

    async def rows_of(self, ref: PullRequestRef) -> list[AgentRow]:
        """Of one pull request, newest first."""
        query = select_agent_rows(None).where(is_at(agents, ref)).order_by(agents.c.agent_id.desc())
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [to_agent_row(row) for row in rows]

    async def _first(self, query: Select[*tuple[object, ...]]) -> Agent | None:
        row = await self._db.read(lambda sql: sql.execute(query).mappings().one_or_none())
        return None if row is None else to_agent(row)

    async def _all(self, which: ColumnElement[bool]) -> list[Agent]:
        query = select(agents).where(which).order_by(agents.c.agent_id)
        rows = await self._db.read(lambda sql: sql.execute(query).mappings().all())
        return [to_agent(row) for row in rows]


def stream_of(agent_id: str) -> str:
    return f"agent/{agent_id}"


def _as_columns(changes: Changes) -> dict[str, object]:
    columns: dict[str, object] = dict(changes)
    for name in ("spent", "budget", "asked_by"):
        if (value := changes.get(name)) is not None:
            columns[name] = value.model_dump(mode="json")
    if "numbers" in changes:
        columns["numbers"] = list(changes["numbers"])
    return columns
