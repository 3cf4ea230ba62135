"""Which secrets a process may be given: a queue that can be taken over must not have what is worth taking."""

from collections.abc import Set as AbstractSet

from app.domain.errors import UserError
from app.queue_activities import Queue
from app.settings import Settings
from app.settings_file import secret_names

# The way to blobs and to Temporal, and what guards figures of one's own.
_EVERYBODY = {"blobs_secret_access_key", "temporal_api_key", "metrics_token"}
# What its proxy adds outside of every sandbox.
_WITH_SANDBOXES = {"registries"}
_WITH_MODEL = {
    *("model_key", "model_proxy", "anthropic_api_key", "bedrock_api_key", "google_api_key", "openai_api_key"),
    "database_url",
}


def refuse_foreign_secrets(settings: Settings, work_on: AbstractSet[Queue]) -> None:
    """UserError when a worker without the control queue is given more than its queues need."""
    if "control" in work_on:
        return
    allowed = _EVERYBODY
    if "llm" in work_on:
        allowed = allowed | _WITH_MODEL
    if "sandbox" in work_on:
        allowed = allowed | _WITH_SANDBOXES
    secret = {*secret_names(Settings), "connections", "registries"}
    given = {name: origin for name, _, origin in settings.describe() if name in secret and origin != "default"}
    if foreign := sorted(given.keys() - allowed):
        name = foreign[0]
        raise UserError(
            f"{given[name]}: a worker of {' and '.join(sorted(work_on))} must not have {name!r}; "
            "give it a home and an environment of its own."
        )
