"""screenshot: a picture of a page that the code serves, taken by a browser inside the sandbox."""

import base64
import binascii
from datetime import timedelta

from pydantic import Field

from autofix.tools.base import Arguments, Outcome, Shown, Tool, Workplace
from autofix.tools.files import decoded, ended

_WITHIN = timedelta(seconds=90)
# Beyond this a picture is too large for most models.
_MOST_BYTES = 3_000_000
_MISSING = 127
_PNG = b"\x89PNG\r\n"
# Debian's `chromium` is a script that wants /etc: the program itself comes first.
_PROGRAM = """\
browser=$(command -v /usr/lib/chromium/chromium || command -v chromium || command -v chromium-browser ||
  command -v google-chrome) || exit 127
picture=$(mktemp -d)
if [ -n "$2" ]; then sh -c "$2" >"$picture/server.log" 2>&1 & sleep "$3"; fi
HOME="$picture" "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \\
  --user-data-dir="$picture/profile" --window-size=1280,800 --virtual-time-budget=5000 --timeout=20000 \\
  --screenshot="$picture/page.png" "$1" >"$picture/browser.log" 2>&1
[ -n "$2" ] && kill $! 2>/dev/null
if [ -s "$picture/page.png" ]; then base64 -w 0 "$picture/page.png"; exit 0; fi
tail -c 1500 "$picture/server.log" "$picture/browser.log" 2>/dev/null
exit 1
"""


class Screenshot(Arguments):
    url: str = Field(
        pattern=r"^(http://(localhost|127\.0\.0\.1)(:\d{1,5})?(/|$)|file:///)",
        max_length=1_000,
        description="A page on localhost, or a file.",
    )
    serve: str = Field(
        "", max_length=1_000, description="A command that serves it, started first and ended afterwards."
    )
    wait: int = Field(2, ge=0, le=20, description="Seconds until the server answers.")


async def screenshot(arguments: Screenshot, workplace: Workplace) -> Outcome:
    ran = await workplace.room.run(
        ("sh", "-c", _PROGRAM, "sh", arguments.url, arguments.serve, str(arguments.wait)),
        exec_id=workplace.exec_id,
        within=min(_WITHIN, workplace.within),
        output_bytes=_MOST_BYTES * 4 // 3,
    )
    if ran.ended.exit_code == _MISSING:
        return Shown("Not available here: this environment has no browser.", failed=True)
    if not ran.passed:
        return Shown(f"No picture ({ended(ran)}).\n{decoded(ran)[-3_000:]}", failed=True)
    png = _decoded(ran.output)
    if not png.startswith(_PNG):
        return Shown("No picture: it is too large, or no PNG.", failed=True)
    return Shown(f"A picture of {arguments.url}, {len(png) // 1024} kB.", png=png)


def _decoded(output: bytes) -> bytes:
    try:
        return base64.b64decode(output, validate=True)
    except binascii.Error:
        return b""


TOOL = Tool(
    name="screenshot",
    description="Take a screenshot of a page that the code serves on localhost, or of an HTML file.",
    arguments=Screenshot,
    act=screenshot,
)
