"""The activities of the queue `llm`: with model keys and the database, without a forge's token."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.agent_making import AgentModels, checks_of
from app.checkouts.unpacked import Unpacked
from app.metrics import Metrics
from app.reviewer_making import ModelReviewers
from app.sandbox_activities import Activity
from app.settings import Settings
from app.talk_making import TalkModels
from app.wiring import Forges, Store, utc_now
from workflows.activities.agent_bases import AgentBases
from workflows.activities.agent_chunk import AgentChunks
from workflows.activities.agent_prove import Proving
from workflows.activities.agent_review_again import ReviewingAgain
from workflows.activities.agent_room import Sandboxes
from workflows.activities.read import Reading
from workflows.activities.uploaded import Uploaded
from workflows.client import Turns


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a process with a database holds; a queue is given only its share."""

    settings: Settings
    store: Store
    forges: Forges
    turns: Turns
    metrics: Metrics
    reviewers: ModelReviewers
    agent_models: AgentModels
    talk_models: TalkModels
    sandboxes: Sandboxes
    bases: AgentBases
    # Where changes are unpacked.
    work_folder: Path


def llm_activities(held: Held, code: Unpacked) -> Sequence[Activity]:
    """With model keys and the database."""
    store, models = held.store, held.agent_models
    reading = Reading(
        blobs=store.blobs,
        make=held.reviewers.make,
        watch=held.reviewers.watch,
        keep=held.reviewers.keep,
        code=code,
        uploaded=Uploaded(store.uploads),
    )
    chunks = AgentChunks(
        agents=store.agents,
        blobs=store.blobs,
        streams=store.streams,
        model=models.talking,
        enter=held.sandboxes.at_work,
        checks=checks_of,
        report_problem=models.report_problem,
        redactor=models.redactor,
        clock=utc_now,
    )
    proving = Proving(
        agents=store.agents,
        blobs=store.blobs,
        enter=held.sandboxes.at_work,
        reviewing=ReviewingAgain(blobs=store.blobs, make=models.reviewers, code=code),
        critic=models.critic,
        redactor=models.redactor,
        clock=utc_now,
    )
    considering = held.talk_models.considering(held.work_folder)
    return (reading.read_change, chunks.agent_chunk, proving.prove_fix, considering.consider)
