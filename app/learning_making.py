"""Building what learns from people, and what measures how that went."""

from app.domain.rule_life import Thresholds
from app.settings import Settings
from app.wiring import Store, utc_now
from workflows.activities.learning import Learning


def open_learning(settings: Settings, store: Store) -> Learning:
    thresholds = Thresholds(activate_after=settings.rules_activate_after, disable_after=settings.rules_disable_after)
    return Learning(rules=store.rules, audit=store.audit, thresholds=thresholds, clock=utc_now)
