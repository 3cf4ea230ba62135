"""What a form of ours sends: a few short words."""

from urllib.parse import parse_qs

from starlette.requests import Request

from app.web.body import BodyReader, TooLarge, TooSlow

_LONGEST_FORM = 4_096


async def form_value(request: Request, name: str, reader: BodyReader) -> str:
    """Empty where it is missing, or the form is none of ours."""
    return (await form_values(request, reader)).get(name, "")


async def form_values(request: Request, reader: BodyReader) -> dict[str, str]:
    """The first value of each name; nothing where the form is none of ours."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _LONGEST_FORM:
        return {}
    try:
        body = await reader.read(request)
    except (TooLarge, TooSlow):
        return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
