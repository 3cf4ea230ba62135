"""Deliveries as the App that got them may list and read them."""

from app.forges.fake.clock import stamp
from app.forges.fake.hooks import Delivery
from app.forges.fake.state import FakeGitHub

Json = dict[str, object]


def delivery_item(_: FakeGitHub, item: Delivery) -> Json:
    return {
        "id": item.delivery_id,
        "guid": item.guid,
        "delivered_at": stamp(item.delivered_at or item.created_at),
        "redelivery": item.redelivery,
        "duration": round(item.duration, 2),
        "status": item.status,
        "status_code": item.status_code,
        "event": item.event,
        "action": item.action,
        "installation_id": item.installation_id,
        "repository_id": item.repository_id,
        "throttled_at": None,
    }


def delivery(github: FakeGitHub, item: Delivery) -> Json:
    """With what was sent and answered."""
    return {
        **delivery_item(github, item),
        "url": item.app.webhook_url,
        "request": {"headers": dict(item.headers), "payload": item.payload},
        "response": {"headers": dict(item.response_headers), "payload": item.response_text},
    }
