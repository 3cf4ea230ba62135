"""An agent as a row of the database, and as a row of a list that people see."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, Select, and_, select, tuple_

from app.domain.actions import Action
from app.domain.agents import Agent
from app.domain.model import Frozen
from app.store.addresses import ADDRESS, address_of, ref_of, without_address
from app.store.tables import actions, agents, pull_requests, repositories

_SHOWN = "shown_"
_DESCRIBED = {
    "full_name": repositories.c.full_name,
    "title": pull_requests.c.title,
    "author": pull_requests.c.author,
    "url": pull_requests.c.url,
    "action": actions.c.action,
}


class AgentRow(Frozen):
    """An agent with the names of what it is about."""

    agent: Agent
    # The repository's, as its forge last called it.
    full_name: str
    # The pull request's.
    title: str
    author: str
    url: str
    # What the person who asked last added to the command; empty where nobody asked, or nothing was added.
    words: str


def to_row(agent: Agent) -> dict[str, object]:
    """Column values, without the claim."""
    as_json = agent.model_dump(mode="json", include={"numbers", "asked_by", "budget", "spent"})
    return {**agent.model_dump(exclude={"ref", *as_json}), **address_of(agent.ref), **as_json}


def to_agent(row: RowMapping) -> Agent:
    own = {name: value for name, value in without_address(row).items() if name != "claim"}
    return Agent.model_validate({"ref": ref_of(row), **own})


def select_agent_rows(repos: Sequence[tuple[str, str]] | None) -> Select[*tuple[object, ...]]:
    """Agents of these repositories, (connection, repository id) each; None means of all."""
    same_pull_request = and_(*(agents.c[name] == pull_requests.c[name] for name in ADDRESS))
    joined = agents.join(pull_requests, same_pull_request).join(
        repositories, and_(*(repositories.c[name] == pull_requests.c[name] for name in ("connection", "repo_id")))
    )
    joined = joined.outerjoin(actions, actions.c.action_key == agents.c.action_key)
    shown = (column.label(f"{_SHOWN}{name}") for name, column in _DESCRIBED.items())
    query = select(agents, *shown).select_from(joined)
    return query if repos is None else query.where(tuple_(agents.c.connection, agents.c.repo_id).in_(repos))


def to_agent_row(row: RowMapping) -> AgentRow:
    own = {name: value for name, value in row.items() if not name.startswith(_SHOWN) and name != "claim"}
    agent = Agent.model_validate({"ref": ref_of(row), **{k: v for k, v in own.items() if k not in ADDRESS}})
    return AgentRow(
        agent=agent,
        full_name=row["shown_full_name"],
        title=row["shown_title"],
        author=row["shown_author"],
        url=row["shown_url"],
        words="" if row["shown_action"] is None else Action.model_validate(row["shown_action"]).argument,
    )
