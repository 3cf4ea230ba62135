"""What the operator and a sandbox's specification allow on the network, and how much of it."""

from datetime import timedelta

from pydantic import Field, SecretStr

from app.domain.model import Frozen
from app.sandboxes.base import Host


class PrivateRegistry(Frozen):
    """A package registry that wants a credential, which must not get into a sandbox.

    Inside it is `http://{name}{path}`: the proxy, outside, speaks TLS with it and adds the header. So package managers
    are pointed there (PIP_INDEX_URL, npm_config_registry, GOPROXY, …). Reading only, and never anywhere else.
    """

    name: str
    port: int = 443
    # Only what lies below it gets the credential.
    path: str = Field(default="/", pattern=r"^/([A-Za-z0-9._~-]+/)*$")
    # The value of `Authorization`, for example "Bearer …" or "Basic …".
    authorization: SecretStr


class EgressBudget(Frozen):
    """How much network one sandbox may use in its life; installing a large project takes about a tenth of it."""

    connections: int = 5_000
    at_once: int = 64
    # What leaves is requests: far more than that is somebody carrying something out.
    sent_bytes: int = 64 * 1024**2
    received_bytes: int = 8 * 1024**3


class EgressTimes(Frozen):
    """How long the proxy waits: for a whole request, for an address to answer, for the next byte, for the end."""

    request: timedelta = timedelta(seconds=15)
    dial: timedelta = timedelta(seconds=10)
    idle: timedelta = timedelta(seconds=90)
    connection: timedelta = timedelta(minutes=20)


class EgressRules(Frozen):
    """All of it; without hosts and registries nothing may be reached."""

    hosts: tuple[Host, ...] = ()
    registries: tuple[PrivateRegistry, ...] = ()
    # Names of the operator's own network, with the networks their addresses may lie in.
    internal: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    budget: EgressBudget = EgressBudget()
    times: EgressTimes = EgressTimes()
