"""Which activities each task queue runs, made from the parts that this queue may hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from app.checkouts.mirrors import Mirrors
from app.checkouts.patching import Patching
from app.checkouts.unpacked import Unpacked
from app.domain.phrases import Voice
from app.domain.secrets import Redactor
from app.learning_making import open_learning, open_measuring
from app.llm_activities import Held, llm_activities
from app.sandbox_activities import Activity, sandbox_activities
from app.settings import Settings
from app.wiring import Forges, Store, open_mirrors, open_patching, open_retention, operator_layers, utc_now, voices
from workflows import queues
from workflows.activities.act import Acting
from workflows.activities.agent_begin import AgentBeginning
from workflows.activities.agent_deliver import Delivering
from workflows.activities.agent_push import Pushing
from workflows.activities.agent_stage import Staging
from workflows.activities.agent_start import AgentStarts
from workflows.activities.agent_telling import Telling
from workflows.activities.answering import Answering
from workflows.activities.begin import Beginning
from workflows.activities.checks import Checks
from workflows.activities.chores import Chores
from workflows.activities.conclude import Concluding
from workflows.activities.configuration import Configurations
from workflows.activities.dismiss import Dismissing
from workflows.activities.fetching import Fetching
from workflows.activities.figures import Figures
from workflows.activities.learning import Learning
from workflows.activities.look import Looking
from workflows.activities.planning import Planning
from workflows.activities.post import Posting
from workflows.activities.precedents import Precedents
from workflows.activities.replying import Replying
from workflows.activities.settled import SettledThreads
from workflows.activities.uploaded import Uploaded
from workflows.client import Turns

Queue = Literal["control", "llm", "sandbox"]
ALL_QUEUES: frozenset[Queue] = frozenset({"control", "llm", "sandbox"})


def activities_of(wanted: frozenset[Queue], held: Held) -> Mapping[str, Sequence[Activity]]:
    blobs = held.store.blobs
    # One for both queues: the reviewers of a run read the same code.
    code = Unpacked(held.work_folder, blobs.get)
    made: dict[str, Sequence[Activity]] = {}
    if queues.CONTROL in wanted:
        made[queues.CONTROL] = Control(
            settings=held.settings, store=held.store, forges=held.forges, turns=held.turns, figures=held.metrics
        ).activities()
    if queues.LLM in wanted:
        made[queues.LLM] = llm_activities(held, code)
    if queues.SANDBOX in wanted:
        made |= sandbox_activities(blobs, held.sandboxes, held.bases, code)
    return made


@dataclass(frozen=True, kw_only=True)
class Control:
    """With forge tokens, the database and the mirrors. Each part is made once and shared by those that need it."""

    settings: Settings
    store: Store
    forges: Forges
    turns: Turns
    figures: Figures

    def activities(self) -> Sequence[Activity]:
        posting, chores, delivering = self._posting(), self._chores(), self._delivering()
        return (
            self._looking().look,
            self._beginning().begin_review,
            posting.post_review,
            posting.show_wait,
            posting.close_review,
            self._acting().act,
            self._replying.reply,
            self._agent_beginning().begin_agent,
            self._staging().stage_fix,
            delivering.deliver_fix,
            delivering.ask_people,
            delivering.end_agent,
            chores.reconcile,
            chores.janitor,
            chores.retention,
            chores.upkeep,
            open_measuring(self.settings, self.store, self.forges, self._mirrors, self._fetching).measure,
        )

    @cached_property
    def _mirrors(self) -> Mirrors:
        return open_mirrors(self.settings)

    @cached_property
    def _voices(self) -> Mapping[str, Voice]:
        return voices(self.settings)

    @cached_property
    def _fetching(self) -> Fetching:
        return Fetching(readers=self.forges.readers, mirrors=self._mirrors)

    @cached_property
    def _configurations(self) -> Configurations:
        return Configurations(
            mirrors=self._mirrors,
            files=self.store.config_files,
            rules=self.store.rules,
            operator=operator_layers(self.settings),
            reviewed_with=self.settings.model,
        )

    @cached_property
    def _checks(self) -> Checks:
        return Checks(
            writers=self.forges.writers,
            runs=self.store.runs,
            effects=self.store.effects,
            blobs=self.store.blobs,
            voices=self._voices,
            figures=self.figures,
            clock=utc_now,
        )

    @cached_property
    def _concluding(self) -> Concluding:
        return Concluding(
            runs=self.store.runs,
            findings=self.store.findings,
            effects=self.store.effects,
            repositories=self.store.repositories,
            blobs=self.store.blobs,
            mirrors=self._mirrors,
            uploaded=Uploaded(self.store.uploads),
            precedents=Precedents(
                readers=self.forges.readers,
                findings=self.store.findings,
                votes=self.store.votes,
                repositories=self.store.repositories,
            ),
            clock=utc_now,
        )

    @cached_property
    def _patching(self) -> Patching:
        return open_patching(self.settings, self._mirrors)

    @cached_property
    def _agent_starts(self) -> AgentStarts:
        store = self.store
        return AgentStarts(
            agents=store.agents, effects=store.effects, blobs=store.blobs, turns=self.turns, clock=utc_now
        )

    @cached_property
    def _telling(self) -> Telling:
        return Telling(
            writers=self.forges.writers,
            agents=self.store.agents,
            actions=self.store.actions,
            effects=self.store.effects,
            voices=self._voices,
            redactor=Redactor(self.settings.secret_values()),
            clock=utc_now,
        )

    def _agent_beginning(self) -> AgentBeginning:
        return AgentBeginning(
            readers=self.forges.readers,
            agents=self.store.agents,
            actions=self.store.actions,
            findings=self.store.findings,
            effects=self.store.effects,
            blobs=self.store.blobs,
            mirrors=self._mirrors,
            fetching=self._fetching,
            configurations=self._configurations,
            telling=self._telling,
            usage=self.store.usage,
            has_model=bool(self.settings.model),
            daily_budget=self.settings.daily_budget,
            clock=utc_now,
        )

    def _staging(self) -> Staging:
        return Staging(
            blobs=self.store.blobs,
            findings=self.store.findings,
            mirrors=self._mirrors,
            patching=self._patching,
            fetching=self._fetching,
            redactor=Redactor(self.settings.secret_values()),
        )

    @cached_property
    def _pushing(self) -> Pushing:
        return Pushing(
            readers=self.forges.readers,
            pushers=self.forges.pushers,
            agents=self.store.agents,
            findings=self.store.findings,
            effects=self.store.effects,
            audit=self.store.audit,
            blobs=self.store.blobs,
            mirrors=self._mirrors,
            patching=self._patching,
            fetching=self._fetching,
            is_quiet=self.forges.is_quiet,
            redactor=Redactor(self.settings.secret_values()),
            clock=utc_now,
        )

    def _delivering(self) -> Delivering:
        return Delivering(
            readers=self.forges.readers,
            agents=self.store.agents,
            problems=self.store.environment_problems,
            repositories=self.store.repositories,
            usage=self.store.usage,
            blobs=self.store.blobs,
            pushing=self._pushing,
            telling=self._telling,
            model=self.settings.model,
            time_scale=self.settings.time_scale,
            clock=utc_now,
        )

    def _looking(self) -> Looking:
        return Looking(
            readers=self.forges.readers,
            repositories=self.store.repositories,
            pull_requests=self.store.pull_requests,
            runs=self.store.runs,
            blobs=self.store.blobs,
            fetching=self._fetching,
            configurations=self._configurations,
            agent_starts=self._agent_starts,
            pushing=self._pushing,
        )

    @cached_property
    def _settled(self) -> SettledThreads:
        return SettledThreads(
            readers=self.forges.readers, findings=self.store.findings, votes=self.store.votes, clock=utc_now
        )

    def _beginning(self) -> Beginning:
        return Beginning(
            fetching=self._fetching,
            runs=self.store.runs,
            blobs=self.store.blobs,
            mirrors=self._mirrors,
            configurations=self._configurations,
            checks=self._checks,
            settled=self._settled,
            model=self.settings.model,
            clock=utc_now,
        )

    def _posting(self) -> Posting:
        return Posting(
            readers=self.forges.readers,
            writers=self.forges.writers,
            runs=self.store.runs,
            findings=self.store.findings,
            effects=self.store.effects,
            blobs=self.store.blobs,
            concluding=self._concluding,
            voices=self._voices,
            checks=self._checks,
            agent_starts=self._agent_starts,
            clock=utc_now,
        )

    @cached_property
    def _dismissing(self) -> Dismissing:
        return Dismissing(
            readers=self.forges.readers,
            writers=self.forges.writers,
            findings=self.store.findings,
            runs=self.store.runs,
            concluding=self._concluding,
            checks=self._checks,
            clock=utc_now,
        )

    @cached_property
    def _replying(self) -> Replying:
        return Replying(
            readers=self.forges.readers,
            writers=self.forges.writers,
            actions=self.store.actions,
            audit=self.store.audit,
            effects=self.store.effects,
            findings=self.store.findings,
            runs=self.store.runs,
            blobs=self.store.blobs,
            dismissing=self._dismissing,
            turns=self.turns,
            voices=self._voices,
            has_model=bool(self.settings.model),
            clock=utc_now,
        )

    @cached_property
    def _learning(self) -> Learning:
        return open_learning(self.settings, self.store)

    def _answering(self) -> Answering:
        return Answering(writers=self.forges.writers, effects=self.store.effects, audit=self.store.audit, clock=utc_now)

    def _planning(self) -> Planning:
        return Planning(
            agents=self.store.agents,
            effects=self.store.effects,
            findings=self.store.findings,
            runs=self.store.runs,
            learning=self._learning,
            voices=self._voices,
        )

    def _acting(self) -> Acting:
        return Acting(
            readers=self.forges.readers,
            actions=self.store.actions,
            planning=self._planning(),
            answering=self._answering(),
            agent_starts=self._agent_starts,
            findings=self.store.findings,
            pull_requests=self.store.pull_requests,
            runs=self.store.runs,
            fetching=self._fetching,
            configurations=self._configurations,
            dismissing=self._dismissing,
            replying=self._replying,
            learning=self._learning,
            checks=self._checks,
            blobs=self.store.blobs,
        )

    def _chores(self) -> Chores:
        return Chores(
            readers=self.forges.readers,
            upkeeps=self.forges.upkeeps,
            repositories=self.store.repositories,
            pull_requests=self.store.pull_requests,
            runs=self.store.runs,
            actions=self.store.actions,
            blobs=self.store.blobs,
            settled=self._settled,
            agents=self.store.agents,
            audit=self.store.audit,
            troubles=self.store.troubles,
            retention=open_retention(self.settings, self.store),
            mirrors=self._mirrors,
            checks=self._checks,
            turns=self.turns,
            figures=self.figures,
            clock=utc_now,
        )
