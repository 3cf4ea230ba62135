"""The pages about learning: rules with their life, and measures of how reviews went."""

from collections.abc import Callable
from datetime import datetime

from starlette.routing import BaseRoute, Route

from app.web.access import Guard
from app.web.pages.measures import MeasuresPage
from app.web.pages.parts.buttons import Buttons
from app.web.pages.parts.rendering import Templates
from app.web.pages.rules import RulesPage
from app.wiring import Store


def learning_routes(
    store: Store, *, guard: Guard, buttons: Buttons, templates: Templates, clock: Callable[[], datetime]
) -> list[BaseRoute]:
    rules = RulesPage(rules=store.rules, repositories=store.repositories, buttons=buttons, templates=templates)
    measures = MeasuresPage(measures=store.measures, repositories=store.repositories, templates=templates, clock=clock)
    return [
        Route("/rules", guard.page(rules.show)),
        Route("/rules/{connection}/{repo_id}/{number:int}/{way}", guard.page(rules.press), methods=["POST"]),
        Route("/measures", guard.page(measures.show)),
    ]
