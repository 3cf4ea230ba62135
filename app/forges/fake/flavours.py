"""How an older Enterprise Server differs from github.com: fields that were added later are missing."""

from typing import cast

from app.forges.fake.state import Flavour

# Added after Enterprise Server 3.5, wherever they appear.
_ADDED_LATER = frozenset(
    {
        "archived_at",
        "archived_by",
        "client_id",
        "custom_properties",
        "has_discussions",
        "installations_count",
        "payload_url",
        "state_reason",
        "stack",
        "subject_type",
        "throttled_at",
        "user_view_type",
        "verified_at",
        "web_commit_signoff_required",
    }
)


def fitted(flavour: Flavour, data: dict[str, object]) -> dict[str, object]:
    """The data as this kind of server would send it."""
    return data if flavour == "github.com" else cast("dict[str, object]", without_later_fields(data))


def without_later_fields(data: object) -> object:
    if isinstance(data, dict):
        fields = cast("dict[str, object]", data)
        return {name: without_later_fields(value) for name, value in fields.items() if name not in _ADDED_LATER}
    if isinstance(data, list):
        return [without_later_fields(item) for item in cast("list[object]", data)]
    return data
