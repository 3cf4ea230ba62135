"""How a model is reached with what the operator has set."""

from app.llm.models import ModelAccess, ModelSpec
from app.settings import Settings


def model_access(settings: Settings, spec: ModelSpec) -> ModelAccess:
    """Key and address of the configured model are for its provider alone; another one gets its own key, if any."""
    configured = not settings.model or ModelSpec.parse(settings.model).provider == spec.provider
    key = settings.key_for(spec.provider) if configured else settings.key_of(spec.provider)
    return ModelAccess(
        api_key=key.get_secret_value() if key else "",
        base_url=settings.model_base_url if configured else "",
        ca_file=str(settings.model_ca_file or ""),
        region=settings.bedrock_region,
        proxy=settings.model_proxy.get_secret_value() if settings.model_proxy else "",
    )
