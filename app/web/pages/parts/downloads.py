"""What came out of a sandbox as files: never shown as a page, whatever it says it is."""

import re

from starlette.responses import Response

from app.web.pages.parts.cuts import visible_text

_PLAIN = "text/plain; charset=utf-8"
# Opened by itself such an answer is in no origin and may do nothing.
_POLICY = "default-src 'none'; sandbox"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_PNG = b"\x89PNG\r\n\x1a\n"


def download(data: bytes, name: str) -> Response:
    """A file to be kept, byte by byte as it is."""
    safe = _UNSAFE.sub("_", name).lstrip(".")[:80] or "file"
    headers = {"Content-Disposition": f'attachment; filename="{safe}"', "Content-Security-Policy": _POLICY}
    return Response(data, media_type=_PLAIN, headers=headers)


def plain(text: str) -> Response:
    """A text to be read in the browser; what draws nothing is named."""
    body = visible_text(text).encode("utf-8", "replace")
    return Response(body, media_type=_PLAIN, headers={"Content-Security-Policy": _POLICY})


def picture(data: bytes) -> Response | None:
    """None where it is no PNG."""
    if not data.startswith(_PNG):
        return None
    return Response(data, media_type="image/png", headers={"Content-Security-Policy": _POLICY})
