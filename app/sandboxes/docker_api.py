"""The few calls of the Engine API that a sandbox needs, the same for Docker and Podman, over their unix socket."""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx
from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from app.sandboxes.base import NotDone

# The daemon answers from memory; starting and removing a container on a busy machine takes seconds.
_TIMEOUT = httpx.Timeout(60, connect=5)

Engine = Literal["docker", "podman"]


class DockerError(NotDone):
    """The daemon cannot be reached (status 0), or said no; its sentence is the message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Component(BaseModel):
    name: str = Field(alias="Name")


class Version(BaseModel):
    """What answers on the socket."""

    version: str = Field(alias="Version")
    # As Go names it: amd64, arm64.
    arch: str = Field(alias="Arch")
    components: tuple[Component, ...] = Field(alias="Components", default=())

    @property
    def engine(self) -> Engine:
        return "podman" if any("podman" in part.name.lower() for part in self.components) else "docker"


class ImageConfig(BaseModel):
    env: tuple[str, ...] | None = Field(alias="Env", default=None)
    volumes: dict[str, JsonValue] | None = Field(alias="Volumes", default=None)


class Image(BaseModel):
    """An image that is there; `image_id` is the digest of what is in it."""

    image_id: str = Field(alias="Id")
    config: ImageConfig | None = Field(alias="Config", default=None)

    @property
    def path(self) -> str:
        """Where its programs are looked for."""
        pairs = (variable.partition("=") for variable in (self.config and self.config.env) or ())
        return next((value for name, _, value in pairs if name == "PATH"), "")

    @property
    def volumes(self) -> Sequence[str]:
        return sorted((self.config and self.config.volumes) or ())


class State(BaseModel):
    running: bool = Field(alias="Running")
    exit_code: int = Field(alias="ExitCode", default=0)
    out_of_memory: bool = Field(alias="OOMKilled", default=False)


class Container(BaseModel):
    """One container, looked at."""

    container_id: str = Field(alias="Id")
    state: State = Field(alias="State")


class Listed(BaseModel):
    """One container of a list; `created` counts seconds since 1970."""

    container_id: str = Field(alias="Id")
    created: int = Field(alias="Created")
    # Docker writes a stroke before each, Podman does not.
    names: tuple[str, ...] = Field(alias="Names", default=())

    @property
    def plain_names(self) -> set[str]:
        return {name.removeprefix("/") for name in self.names}

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(self.created, UTC)


class _Created(BaseModel):
    container_id: str = Field(alias="Id")


class _Waited(BaseModel):
    exit_code: int = Field(alias="StatusCode")


class DockerApi:
    """Without a version in the address every daemon answers with its own newest, which all of this is part of."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    async def version(self) -> Version:
        return Version.model_validate_json(await self._ask("GET", "/version"))

    async def image(self, reference: str) -> Image:
        """DockerError 404 when it is not there; nothing is pulled."""
        return Image.model_validate_json(await self._ask("GET", f"/images/{reference}/json"))

    async def create(self, name: str, body: Mapping[str, JsonValue]) -> str:
        """The container's id; DockerError 409 when the name is taken."""
        answer = await self._ask("POST", "/containers/create", query={"name": name}, body=body)
        return _Created.model_validate_json(answer).container_id

    async def start(self, container: str) -> None:
        await self._ask("POST", f"/containers/{container}/start")

    async def wait(self, container: str) -> int:
        """Until it ends, however long; its exit code."""
        answer = await self._ask("POST", f"/containers/{container}/wait", patience=httpx.Timeout(None, connect=5))
        return _Waited.model_validate_json(answer).exit_code

    async def inspect(self, container: str) -> Container | None:
        try:
            return Container.model_validate_json(await self._ask("GET", f"/containers/{container}/json"))
        except DockerError as error:
            if error.status == 404:
                return None
            raise

    async def remove(self, container: str) -> None:
        """Kill and remove it with its volumes. One that is gone, or going, is fine."""
        try:
            await self._ask("DELETE", f"/containers/{container}", query={"force": "true", "v": "true"})
        except DockerError as error:
            if error.status not in {404, 409}:
                raise

    async def labelled(self, label: str) -> Sequence[Listed]:
        """Running or not."""
        filters = TypeAdapter(dict[str, list[str]]).dump_json({"label": [label]}).decode()
        answer = await self._ask("GET", "/containers/json", query={"all": "true", "filters": filters})
        return TypeAdapter(list[Listed]).validate_json(answer)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, JsonValue] | None = None,
        patience: httpx.Timeout = _TIMEOUT,
    ) -> bytes:
        # TLS is not spoken on a unix socket; the empty context spares reading the machine's certificates each time.
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket), verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://docker", timeout=patience, trust_env=False
        ) as client:
            try:
                answer = await client.request(method, path, params=query, json=body)
            except httpx.HTTPError as error:
                raise DockerError(0, f"{self.socket} does not answer: {type(error).__name__}.") from error
        # 304: it is started already.
        if answer.is_success or answer.status_code == 304:
            return answer.content
        raise DockerError(answer.status_code, _said(answer.content))


class _Refusal(BaseModel):
    message: str = ""


def _said(content: bytes) -> str:
    try:
        message = _Refusal.model_validate_json(content).message
    except ValueError:
        message = content.decode("utf-8", "replace")
    return " ".join(message.split())[:300]
