"""The gateway between machines: are its certificates here and good for long, and does it answer as it is called?"""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from socket import gaierror

from cryptography import x509

from app.doctor.base import Ground, Line
from app.sandbox_gateway import own_gateway, papers_of
from app.sandboxes.gateway_trust import AUTHORITY, CERTIFICATE, KEY, Papers
from app.settings import Settings

PART = "gateway"
# How long before their end are certificates named? An operator may be away for some weeks.
SOON = timedelta(days=30)
_ANSWERS_WITHIN = timedelta(seconds=5)
_MAKE = "make it with `corrigent setup gateway` and copy this machine's folder here"
_RENEW = "renew it with `corrigent setup gateway` and copy this machine's folder here; nothing has to start again"
_CORRECT = "correct gateway_address, or open its port between your machines"


def has_gateway(settings: Settings) -> bool:
    """On one machine alone there is none to look at."""
    return bool(settings.gateway_listen or settings.gateway_folder or papers_of(settings).folder.exists())


async def check_gateway(ground: Ground) -> Line:
    """The papers first: without them nothing can answer."""
    own, papers = own_gateway(ground.settings), papers_of(ground.settings)
    if missing := [name for name in (AUTHORITY, CERTIFICATE, KEY) if not (papers.folder / name).exists()]:
        what = f"lacks {' and '.join(missing)}" if papers.folder.exists() else "is not there"
        return Line("FAIL", PART, f"the folder {papers.folder} {what}", _MAKE)
    # As the worker reads them: UserError for a key that is another's, or that others may read.
    _ = papers.serving() if own else papers.asking()
    left = good_until(papers) - datetime.now(UTC)
    if left < timedelta():
        return Line("FAIL", PART, f"the certificate in {papers.folder} ended {(-left).days} days ago", _RENEW)
    if own is not None and (trouble := await _trouble(own.address, papers)):
        return trouble
    where = f"{own.address} answers, " if own else ""
    text = f"{where}certificate good for {left.days} days"
    return Line("wait", PART, text, _RENEW) if left < SOON else Line("ok", PART, text)


def good_until(papers: Papers) -> datetime:
    """The end of the one that ends first: a machine's own certificate, or its authority's."""
    ends = (
        x509.load_pem_x509_certificate((papers.folder / name).read_bytes()).not_valid_after_utc
        for name in (CERTIFICATE, AUTHORITY)
    )
    return min(ends)


async def _trouble(address: str, papers: Papers) -> Line | None:
    """What keeps others from coming in, as far as somebody without a certificate for entering can see."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=str(papers.folder / AUTHORITY))
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN.total_seconds()):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
        writer.transport.abort()
    except ConnectionRefusedError:
        return Line("wait", PART, f"nobody listens at {address}", "start `corrigent work --queue sandbox` here")
    except ssl.SSLCertVerificationError as error:
        return Line("FAIL", PART, f"{address} shows a certificate that is not its own ({error.verify_message})", _RENEW)
    except gaierror:
        return Line("FAIL", PART, f"there is no host of the name {host!r}", _CORRECT)
    except (OSError, TimeoutError) as error:
        return Line("FAIL", PART, f"{address} does not answer ({str(error) or 'too late'})", _CORRECT)
    return None
