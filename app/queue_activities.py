"""Which activities each task queue runs, made from the parts that this queue may hold."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.reviewer_making import ModelReviewers, make_plain, silent
from app.settings import Settings
from app.store.blobs import Blobs
from app.wiring import Forges, Store, open_mirrors, operator_layers, utc_now, voices
from workflows import queues
from workflows.activities.act import Acting
from workflows.activities.begin import Beginning
from workflows.activities.checks import Checks
from workflows.activities.chores import Chores
from workflows.activities.conclude import Concluding
from workflows.activities.configuration import Configurations
from workflows.activities.dismiss import Dismissing
from workflows.activities.fetching import Fetching
from workflows.activities.look import Looking
from workflows.activities.post import Posting
from workflows.activities.read import Reading
from workflows.client import Turns

# An activity is a bound method of any signature.
Activity = Callable[..., Any]


def all_activities(settings: Settings, store: Store, forges: Forges, turns: Turns) -> Mapping[str, Sequence[Activity]]:
    """Of a process that serves every queue."""
    return {
        queues.CONTROL: control_activities(settings, store, forges, turns),
        queues.LLM: llm_activities(settings, store),
        queues.SANDBOX: sandbox_activities(store.blobs, _work_folder(settings)),
    }


def control_activities(settings: Settings, store: Store, forges: Forges, turns: Turns) -> Sequence[Activity]:
    """With forge tokens, the database and the mirrors."""
    mirrors, spoken = open_mirrors(settings), voices(settings)
    fetching = Fetching(readers=forges.readers, mirrors=mirrors)
    configurations = Configurations(
        mirrors=mirrors,
        files=store.config_files,
        operator=operator_layers(settings),
        reviewed_with=settings.model,
    )
    checks = Checks(
        writers=forges.writers,
        runs=store.runs,
        effects=store.effects,
        blobs=store.blobs,
        voices=spoken,
        clock=utc_now,
    )
    concluding = Concluding(
        runs=store.runs,
        findings=store.findings,
        effects=store.effects,
        repositories=store.repositories,
        blobs=store.blobs,
        mirrors=mirrors,
        clock=utc_now,
    )
    looking = Looking(
        readers=forges.readers,
        repositories=store.repositories,
        pull_requests=store.pull_requests,
        runs=store.runs,
        blobs=store.blobs,
        fetching=fetching,
        configurations=configurations,
    )
    beginning = Beginning(
        fetching=fetching,
        runs=store.runs,
        blobs=store.blobs,
        mirrors=mirrors,
        configurations=configurations,
        checks=checks,
        model=settings.model,
        clock=utc_now,
    )
    posting = Posting(
        readers=forges.readers,
        writers=forges.writers,
        runs=store.runs,
        findings=store.findings,
        effects=store.effects,
        blobs=store.blobs,
        concluding=concluding,
        voices=spoken,
        checks=checks,
        clock=utc_now,
    )
    dismissing = Dismissing(
        readers=forges.readers,
        writers=forges.writers,
        findings=store.findings,
        runs=store.runs,
        concluding=concluding,
        checks=checks,
        clock=utc_now,
    )
    acting = Acting(
        readers=forges.readers,
        writers=forges.writers,
        actions=store.actions,
        audit=store.audit,
        effects=store.effects,
        findings=store.findings,
        pull_requests=store.pull_requests,
        runs=store.runs,
        fetching=fetching,
        configurations=configurations,
        dismissing=dismissing,
        voices=spoken,
        clock=utc_now,
    )
    chores = Chores(
        readers=forges.readers,
        repositories=store.repositories,
        pull_requests=store.pull_requests,
        runs=store.runs,
        deliveries=store.deliveries,
        mirrors=mirrors,
        checks=checks,
        turns=turns,
        clock=utc_now,
    )
    return (
        looking.look,
        beginning.begin_review,
        posting.post_review,
        posting.show_wait,
        posting.close_review,
        acting.act,
        chores.reconcile,
        chores.janitor,
        chores.retention,
    )


def llm_activities(settings: Settings, store: Store) -> Sequence[Activity]:
    """With model keys and the database."""
    reviewers = ModelReviewers(settings, store, clock=utc_now)
    reading = Reading(
        blobs=store.blobs,
        make=reviewers.make,
        watch=reviewers.watch,
        keep=reviewers.keep,
        work_folder=_work_folder(settings),
    )
    return (reading.read_change,)


def sandbox_activities(blobs: Blobs, work_folder: Path) -> Sequence[Activity]:
    """With nothing."""
    return (Reading(blobs=blobs, make=make_plain, watch=silent, keep=None, work_folder=work_folder).read_change,)


def _work_folder(settings: Settings) -> Path:
    """Where changes are unpacked; what a killed process left there is removed at start."""
    folder = settings.home / "work"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
