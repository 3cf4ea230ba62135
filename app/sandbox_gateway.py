"""The gateway between machines as the settings want it: that of this machine, and the way through those of others."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.domain.errors import UserError
from app.sandboxes.base import Access, SandboxRef
from app.sandboxes.gateway import Gateway
from app.sandboxes.gateway_tokens import tokens_of
from app.sandboxes.gateway_trust import Papers, Renewed, serving_renewed
from app.sandboxes.gateway_ways import GatewayWays
from app.settings import Settings

log = structlog.get_logger()

_EVERYWHERE = ("", "0.0.0.0", "::", "[::]")  # noqa: S104 - what an operator writes


@dataclass(frozen=True)
class OwnGateway:
    """This machine's, by the name that others know it by."""

    listen: str
    address: str
    papers: Papers
    # Where this machine's sandboxes are known.
    sandboxes: Path

    @asynccontextmanager
    async def open(self, access: Callable[[str], Access]) -> AsyncGenerator[None]:
        """Answers while this is entered."""
        host, _, port = self.listen.rpartition(":")
        gateway = Gateway(access=access, token=tokens_of(self.sandboxes), tls=serving_renewed(self.papers))
        async with gateway.open(host.strip("[]"), int(port)):
            log.info("gateway.open", address=self.address)
            yield

    def seen_from_afar(self) -> Callable[[SandboxRef], SandboxRef]:
        token = tokens_of(self.sandboxes)
        return lambda ref: ref.model_copy(update={"host": self.address, "token": token(ref)})


def own_gateway(settings: Settings) -> OwnGateway | None:
    """None where the settings want none; UserError where others could not find it."""
    if not settings.gateway_listen:
        return None
    address = settings.gateway_address or settings.gateway_listen
    if address.rpartition(":")[0] in _EVERYWHERE:
        raise UserError(
            f"gateway_listen is {settings.gateway_listen!r}, which is no name for other machines; "
            "set gateway_address to the name:port by which workers of llm reach this one."
        )
    return OwnGateway(settings.gateway_listen, address, papers_of(settings), sandboxes_of(settings))


def ways_of(settings: Settings) -> GatewayWays:
    papers = papers_of(settings)
    return GatewayWays(Renewed(papers, papers.asking))


def papers_of(settings: Settings) -> Papers:
    return Papers(settings.gateway_folder or settings.secrets_folder / "gateway")


def sandboxes_of(settings: Settings) -> Path:
    return settings.sandboxes_folder or settings.home / "sandboxes"
