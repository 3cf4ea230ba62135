"""What we put into the inbox ourselves: it reaches the workflows as a forge's delivery does, from any process."""

from collections.abc import Mapping

from pydantic import ValidationError

from app.domain.errors import MalformedDelivery
from app.domain.events import FixesAsked, ReviewAsked, RuleDecided, StopPressed
from app.domain.names import OWN_CONNECTION
from app.store.deliveries import Deliveries

OwnEvent = StopPressed | ReviewAsked | FixesAsked | RuleDecided

# By the name in the row's column `event`.
_KINDS: Mapping[str, type[OwnEvent]] = {
    "stop": StopPressed,
    "review": ReviewAsked,
    "fix": FixesAsked,
    "rule": RuleDecided,
}


async def put_own(deliveries: Deliveries, event: OwnEvent, *, delivery_id: str) -> bool:
    """Durable when this returns; False when the same was put before."""
    name = next(name for name, kind in _KINDS.items() if isinstance(event, kind))
    body = event.model_dump_json().encode()
    return await deliveries.receive(
        connection=OWN_CONNECTION, delivery_id=delivery_id, event=name, headers={}, body=body
    )


def read_own(name: str, body: bytes) -> OwnEvent:
    kind = _KINDS.get(name)
    if kind is None:
        raise MalformedDelivery(f"{name!r} is nothing that we write")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise MalformedDelivery(f"not a {name} as we write it") from error
