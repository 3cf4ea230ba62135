"""What is said of a review, or of its posting, that could not be done."""

from app.checkouts.mirrors import HeadGone
from app.domain.errors import ForgeRefused, ForgeUnavailable, HeadMoved, RateLimited


def in_words(error: Exception) -> str:
    """A phrase that fits after "could not review" and "not posted"."""
    match error:
        case RateLimited():
            return f"the forge asks to wait until {error.until:%H:%M} UTC"
        case ForgeUnavailable():
            return f"the forge gave no usable answer ({error})"
        case ForgeRefused():
            return f"the forge refused it ({error})"
        case HeadGone() | HeadMoved():
            return f"{error}; run it again"
        case _:
            return str(error)
