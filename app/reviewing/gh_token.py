"""The token of GitHub's own command line program, for the host it was given for; the only thing we start gh for."""

import asyncio
import os
import re
import shutil
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

# Never from the folder under review, and never by a name somebody put in front of the system's.
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin:/home/linuxbrew/.linuxbrew/bin:/snap/bin"
# A keyring may ask the person first.
_DEADLINE = timedelta(seconds=20)
_TOKEN = re.compile(r"[A-Za-z0-9._-]{10,2000}")


async def gh_token(host: str, *, search_path: str = SEARCH_PATH) -> str:
    """What `gh auth token` prints for this host; empty when gh is not there or not signed in to it."""
    program = shutil.which("gh", path=search_path)
    if program is None:
        return ""
    process = await asyncio.create_subprocess_exec(
        *(program, "auth", "token", "--hostname", host),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env=_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_DEADLINE.total_seconds()):
            output, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()
    token = output.decode("ascii", "replace").strip()
    return token if process.returncode == 0 and _TOKEN.fullmatch(token) else ""


def _environment() -> dict[str, str]:
    """All that gh sees: where its own settings are, and the desktop's keyring, which has a fixed address."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(Path.home()),
        "LC_ALL": "C.UTF-8",
        "GH_PROMPT_DISABLED": "1",
        "GH_NO_UPDATE_NOTIFIER": "1",
        "NO_COLOR": "1",
    }
    runtime = Path(f"/run/user/{os.getuid()}")
    if (runtime / "bus").exists():
        environment |= {"XDG_RUNTIME_DIR": str(runtime), "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
    return environment
