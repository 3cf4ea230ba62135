"""A browser's part in making an App, over plain HTTP: open the page, press Create, install, follow every redirect."""

import html
import json
import re
from dataclasses import dataclass, field

import httpx

PRESSED = re.compile(r'<form method="post" action="([^"]+)"><input type="hidden" name="manifest" value="([^"]+)">')


@dataclass
class Browser:
    """What was seen on the way."""

    http: httpx.AsyncClient
    manifest: str = ""
    action: str = ""
    visited: list[str] = field(default_factory=list[str])

    @property
    def name(self) -> str:
        """The App's, as it was proposed."""
        return str(json.loads(self.manifest)["name"])

    async def open(self, url: str) -> str:
        page = await self.http.get(url)
        found = PRESSED.search(page.text)
        assert found, page.text
        self.action, self.manifest = html.unescape(found[1]), html.unescape(found[2])
        return page.headers["content-security-policy"]

    async def create(self) -> httpx.Response:
        """Press Create, there and here: the answer of our own page, which leads to the installation."""
        return await self.http.get(await self.created_at())

    async def created_at(self) -> str:
        """Press Create, and give the address the forge sends the browser back to."""
        answer = await self.http.post(self.action, data={"manifest": self.manifest})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def install(self, url: str) -> None:
        assert (await self.http.post(url)).is_success
