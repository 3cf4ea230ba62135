"""What a page puts into the inbox: it reaches the workflows as a forge's delivery does, whichever process serves it."""

from pydantic import ValidationError

from app.domain.errors import MalformedDelivery
from app.domain.events import StopPressed
from app.domain.names import OWN_CONNECTION
from app.store.deliveries import Deliveries


async def put_stop(deliveries: Deliveries, pressed: StopPressed, *, delivery_id: str) -> None:
    body = pressed.model_dump_json().encode()
    await deliveries.receive(connection=OWN_CONNECTION, delivery_id=delivery_id, event="stop", headers={}, body=body)


def read_own(body: bytes) -> StopPressed:
    try:
        return StopPressed.model_validate_json(body)
    except ValidationError as error:
        raise MalformedDelivery("not a stop as a page writes it") from error
