"""Clients of the fake for the contract tests: an App, an installation, a person, and a place where hooks arrive."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.forges.fake.scenario import AppCredentials, FakeForge

FILE = "".join(f"line {number}\n" for number in range(1, 41))
# Lines 5 and 30 change: two hunks, 2..8 and 27..33.
CHANGED = FILE.replace("line 5\n", "line five\n").replace("line 30\n", "line thirty\nline thirty and a half\n")


@cache
def _signing_key(pem: str) -> RSAPrivateKey:
    """Reading a key takes longer than signing with it."""
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def app_token(app: AppCredentials, **claims: object) -> str:
    now = int(time.time())
    return jwt.encode(
        {"iss": str(app.app_id), "iat": now - 60, "exp": now + 540, **claims},
        _signing_key(app.private_key_pem),
        algorithm="RS256",
    )


def client(forge: FakeForge, token: str = "") -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    # The default context reads every certificate of the system, which takes longer than most tests.
    return httpx.AsyncClient(base_url=forge.api_url, headers=headers, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def mint(forge: FakeForge, app: AppCredentials, **body: object) -> httpx.Response:
    async with client(forge, app_token(app)) as http:
        return await http.post(f"/app/installations/{app.installation_id}/access_tokens", json=body)


@asynccontextmanager
async def installation(
    forge: FakeForge, app: AppCredentials, permissions: Mapping[str, str] | None = None
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with an installation token."""
    minted = await mint(forge, app, **({"permissions": permissions} if permissions else {}))
    async with client(forge, minted.json()["token"]) as http:
        yield http


@dataclass
class Arrived:
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Inbox:
    """A door for hooks that answers with the statuses it is told."""

    url: str = ""
    arrived: list[Arrived] = field(default_factory=list[Arrived])
    statuses: list[int] = field(default_factory=list[int])
    delay: float = 0.0
    answered: int = 0

    def actions(self, event: str) -> list[str | None]:
        return [one.payload.get("action") for one in self.arrived if one.headers["x-github-event"] == event]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            self.arrived.append(Arrived(headers, await reader.readexactly(int(headers["content-length"]))))
            await asyncio.sleep(self.delay)
            status = self.statuses.pop(0) if self.statuses else 202
            writer.write(f"HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        finally:
            self.answered += 1
            writer.close()


@asynccontextmanager
async def inbox() -> AsyncGenerator[Inbox]:
    box = Inbox()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/github"
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
        # A caller that gave up may leave us in the middle of an answer.
        while box.answered < len(box.arrived):
            await asyncio.sleep(0.01)


async def git(*arguments: str, folder: Path, token: str = "") -> tuple[int, str]:
    """Run a git client as somebody with this token."""
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    options = ["-c", f"http.extraHeader=Authorization: Basic {secret}"] if token else []
    identity = {
        f"GIT_{who}_{what}": "maria@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    process = await asyncio.create_subprocess_exec(
        "git",
        *options,
        *arguments,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_TERMINAL_PROMPT": "0", "HOME": str(folder), **identity},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def errors(response: httpx.Response) -> Sequence[Any]:
    return response.json()["errors"]
