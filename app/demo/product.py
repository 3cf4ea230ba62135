"""The product in the demo: the real `corrigent up` in a process of its own, so that it can be killed for real."""

import asyncio
import json
import os
import random
import re
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from app.domain.errors import UserError
from app.forges.fake.gitlab.scenario import BotCredentials, FakeGitLab
from app.forges.fake.scenario import AppCredentials, FakeForge

_LINK = re.compile(r"http://127\.0\.0\.1:\d+/enter\?code=\S+")

READY_WITHIN = timedelta(seconds=30)


@dataclass
class Product:
    """A home folder, a port, and the process that lives there now."""

    home: Path
    port: int
    # What it may know of ours besides where programs are.
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    process: asyncio.subprocess.Process | None = None

    def connect_gitlab(self, gitlab: FakeGitLab, bot: BotCredentials) -> None:
        """A second connection, as `corrigent setup gitlab` would have written it."""
        gitlab.webhook_url = f"http://127.0.0.1:{self.port}/hooks/gitlab"
        lines = [
            "[[connections]]",
            'key = "gitlab"',
            'kind = "gitlab"',
            f"web_url = {json.dumps(gitlab.url)}",
            f"slug = {json.dumps(bot.username)}",
            f"user_id = {bot.user_id}",
            f"token = {json.dumps(bot.token)}",
            f"webhook_secret = {json.dumps(bot.webhook_secret)}",
        ]
        with (self.home / "settings.toml").open("a") as settings:
            settings.write("\n".join(lines) + "\n")

    async def start(self) -> None:
        """Return when its door is open and its workers are at work."""
        script = Path(sys.executable).with_name("corrigent")
        log = (self.home / "corrigent.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", str(script), "up", "--home", str(self.home)),
            # Nothing of the caller's environment: no key of theirs is used, and none of ours is inherited.
            env={"PATH": os.defpath, "LANG": "C.UTF-8", **self.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        try:
            await self._until_ready()
        except BaseException:
            self.kill()
            await self.process.wait()
            raise

    def kill(self) -> None:
        """As a crash would: no signal handler, no clean-up."""
        if self.process is not None and self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    async def stop(self) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(15):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()

    async def gone(self) -> None:
        if self.process is not None:
            await self.process.wait()

    def link(self) -> str:
        """The link that the last start printed; it opens the dashboard once."""
        found = _LINK.findall((self.home / "corrigent.log").read_text(errors="replace"))
        return found[-1] if found else f"http://127.0.0.1:{self.port}/"

    def page(self, path: str) -> str:
        """Of the dashboard, for a browser that the link let in."""
        return f"http://127.0.0.1:{self.port}/{path}"

    async def _until_ready(self) -> None:
        process = self.process
        async with asyncio.timeout(READY_WITHIN.total_seconds()):
            while process is not None and process.returncode is None:
                if await asyncio.to_thread(_is_ready, self.port):
                    return
                await asyncio.sleep(0.05)
        raise UserError(f"Corrigent did not start. It said: {self._last_words()}")

    def _last_words(self) -> str:
        lines = (self.home / "corrigent.log").read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "nothing"


def prepare_home(
    home: Path,
    forge: FakeForge,
    credentials: AppCredentials,
    *,
    model: str,
    port: int,
    environment: Mapping[str, str] | None = None,
) -> Product:
    """The settings that `corrigent setup github` would have written."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = home / "app.pem"
    key.write_text(credentials.private_key_pem)
    key.chmod(0o600)
    settings = home / "settings.toml"
    settings.touch(mode=0o600)
    lines = [
        f"listen_port = {port}",
        f"model = {json.dumps(model)}",
        # Nobody watches a demo for twenty seconds of quiet.
        "time_scale = 0.05",
        "[[connections]]",
        'key = "github"',
        'kind = "github"',
        f"web_url = {json.dumps(forge.url)}",
        f"api_url = {json.dumps(forge.api_url)}",
        f"app_id = {credentials.app_id}",
        f"slug = {json.dumps(credentials.slug)}",
        f"private_key_file = {json.dumps(str(key))}",
        f"webhook_secret = {json.dumps(credentials.webhook_secret)}",
    ]
    settings.write_text("\n".join(lines) + "\n")
    forge.webhook_url = f"http://127.0.0.1:{port}/hooks/github"
    return Product(home, port, environment or {})


def free_port(wished: int) -> int:
    """The wished one unless that is 0, or another when it is taken.

    Below those that systems give to outgoing connections: one of theirs might be in use again before we bind it.
    """
    others = random.sample(range(20_000, 32_000), 50)
    for port in (*((wished,) if wished else ()), *others, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError("No port of this machine is free.")


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False
