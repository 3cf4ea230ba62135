"""Building what learns from people, and what measures how that went."""

from app.checkouts.mirrors import Mirrors
from app.domain.rule_life import Thresholds
from app.settings import Settings
from app.wiring import Forges, Store, utc_now
from workflows.activities.fetching import Fetching
from workflows.activities.judging import Judging
from workflows.activities.learning import Learning
from workflows.activities.measuring import Measuring
from workflows.activities.remarks import MissedRemarks


def open_learning(settings: Settings, store: Store) -> Learning:
    thresholds = Thresholds(activate_after=settings.rules_activate_after, disable_after=settings.rules_disable_after)
    return Learning(rules=store.rules, audit=store.audit, thresholds=thresholds, clock=utc_now)


def open_measuring(settings: Settings, store: Store, forges: Forges, mirrors: Mirrors, fetching: Fetching) -> Measuring:
    judging = Judging(findings=store.findings, agents=store.agents, blobs=store.blobs, mirrors=mirrors)
    learning = open_learning(settings, store)
    return Measuring(
        readers=forges.readers,
        fetching=fetching,
        mirrors=mirrors,
        judging=judging,
        measures=store.measures,
        runs=store.runs,
        usage=store.usage,
        votes=store.votes,
        learning=learning,
        remarks=MissedRemarks(
            readers=forges.readers, remarks=forges.remarks, findings=store.findings, mirrors=mirrors, learning=learning
        ),
        clock=utc_now,
    )
