"""The model an agent talks to, by its name."""

from pathlib import Path

from app.llm.models import ModelAccess, ModelSpec
from app.llm.talk import TalkingModel


def open_agent_model(spec: ModelSpec, access: ModelAccess | None = None) -> TalkingModel:
    """Not yet connected. Imports its provider's library, which takes seconds the first time: call it in a thread.

    UserError says what is missing: a key, an address, an extra that is not installed.
    """
    if spec.provider == "scripted":
        from autofix.scripted_agent import ScriptedAgent

        return ScriptedAgent(Path(spec.name))
    from app.llm.direct import open_talking_model

    return open_talking_model(spec, access)
