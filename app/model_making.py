"""Models by name: each opened once, the operator's others standing in for it, none that an owner's code may not see."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from app.domain.errors import UserError
from app.llm.chat import ChatModel
from app.llm.fallback import WAIT_AT_MOST, FirstUsable, Standing
from app.llm.models import ModelSpec, open_model
from app.metered_model import MeteredModel
from app.metrics import Metrics
from app.model_access import model_access
from app.settings import Settings


def allowed_models(settings: Settings, names: Sequence[str], repo_name: str) -> list[str]:
    """Those that may see this repository's code, in their order; UserError when there is none."""
    organisation = settings.organisations.get(repo_name.partition("/")[0])
    globs = organisation.models if organisation else ()
    found = [name for name in dict.fromkeys(names) if name and (not globs or _is_allowed(name, globs))]
    if not found:
        raise UserError(f"none of the configured models may read the code of {repo_name.partition('/')[0]}")
    return found


def _is_allowed(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


class Models:
    """For the processes that hold model keys."""

    def __init__(self, settings: Settings, metrics: Metrics, *, patience: timedelta = WAIT_AT_MOST) -> None:
        """`patience` is for a model that says "later" while another could read: none where nobody comes back."""
        self._settings = settings
        self._metrics = metrics
        self.standing = Standing(patience=patience)
        self._opening: dict[str, asyncio.Task[ChatModel]] = {}

    async def close(self) -> None:
        """Give the models' connections back."""
        for opening in self._opening.values():
            if opening.done() and opening.exception() is None:
                await opening.result().close()

    async def model(self, repo_name: str, name: str = "") -> ChatModel:
        """The model of this name, else the settings' one, with those that stand in for it.

        UserError when none may be used, or none can be opened.
        """
        wanted = (name or self._settings.model, *self._settings.fallback_models)
        opened: list[ChatModel] = []
        wrong: list[UserError] = []
        for one in allowed_models(self._settings, wanted, repo_name):
            try:
                opened.append(await self._open(one))
            except UserError as error:
                wrong.append(error)
        if not opened:
            raise wrong[0]
        return FirstUsable(opened, self.standing) if len(opened) > 1 else opened[0]

    async def finders(self, repo_name: str) -> tuple[ChatModel, ...]:
        """Those that the passes over a change are dealt out to."""
        names = self._settings.finder_models or (self._settings.model,)
        allowed = allowed_models(self._settings, (*names, self._settings.model), repo_name)
        chosen = [name for name in allowed if name in names] or allowed[:1]
        return tuple([await self.model(repo_name, name) for name in chosen])

    async def check_model(self, repo_name: str) -> ChatModel | None:
        """None where the same model checks."""
        other = self._settings.check_model
        return await self.model(repo_name, other) if other and other != self._settings.model else None

    async def _open(self, name: str) -> ChatModel:
        """Opened once, in a thread: its library takes seconds."""
        opening = self._opening.get(name)
        if opening is None or (opening.done() and opening.exception() is not None):
            spec = ModelSpec.parse(name)
            opening = asyncio.create_task(asyncio.to_thread(open_model, spec, model_access(self._settings, spec)))
            self._opening[name] = opening
        return MeteredModel(await asyncio.shield(opening), self._metrics)
