"""What is shown where there is nothing to see, or nothing for this visitor."""

from starlette.requests import Request
from starlette.responses import Response

from app.web.access import host_of
from app.web.pages.parts.rendering import Templates


def missing(templates: Templates) -> Response:
    """The same for what does not exist and what is somebody else's: neither tells of the other."""
    return templates.page(
        "message.html",
        status=404,
        title="Not found",
        text="There is nothing here, or nothing that you may see. Runs are kept for as long as the operator set.",
    )


def refused(templates: Templates, *, title: str, only: str) -> Response:
    """For a button that somebody may not press, or a form that no page of ours made; `only` says who may."""
    text = f"{only}, with the button on its page. Open it again and press there."
    return templates.page("message.html", status=403, title=title, text=text)


def foreign_name(templates: Templates, request: Request) -> Response:
    """Asked for under a name that is not ours."""
    return templates.page(
        "message.html",
        status=403,
        title="Not under this name",
        text=(
            f"This dashboard does not answer to {host_of(request) or 'an empty name'!r}. "
            "Use the address that was printed at the start, or set public_url to this one."
        ),
    )
