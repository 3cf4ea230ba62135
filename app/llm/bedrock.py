"""The client of Amazon Bedrock: our key or the machine's role, our way out and deadline, and no retries of its own."""

from collections.abc import Callable
from typing import cast

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.session import Session
from botocore.tokens import FrozenAuthToken

from app.domain.errors import UserError
from app.llm.models import ModelAccess

_NOWHERE = "/dev/null"
# What a person's own files and shell say about AWS is not for us: name in the session, default.
_NOT_FROM_THE_ENVIRONMENT = {
    "profile": (None, None, None, None),
    "config_file": (None, None, _NOWHERE, None),
    "credentials_file": (None, None, _NOWHERE, None),
    "ca_bundle": (None, None, None, None),
}


def bedrock_client(access: ModelAccess, base_url: str) -> BaseClient:
    """UserError when the region is not set, or there is neither a key nor a role."""
    if not access.region and not base_url:
        raise UserError("Bedrock needs a region; set bedrock_region.")
    if access.api_key and base_url.startswith("http:"):
        raise UserError("Bedrock takes a key through https only; give its server's address as https://HOST.")
    config = Config(
        region_name=access.region or "us-east-1",
        connect_timeout=access.connect_deadline.total_seconds(),
        read_timeout=access.deadline.total_seconds(),
        # Waiting is ours: a durable timer holds no slot.
        retries={"total_max_attempts": 1, "mode": "standard"},
        # None would be the environment's.
        proxies={"http": access.proxy, "https": access.proxy} if access.proxy else {},
        **({"signature_version": "bearer"} if access.api_key else {}),
    )
    session = _OurKey(access.api_key) if access.api_key else Session(_NOT_FROM_THE_ENVIRONMENT)
    if not access.api_key and session.get_credentials() is None:
        raise UserError("Bedrock needs an API key, or a machine with a role. Set AWS_BEARER_TOKEN_BEDROCK.")
    # boto3 makes its clients' classes as it reads the service's description, so that it cannot say which it returns.
    open_client = cast("Callable[..., BaseClient]", boto3.Session(botocore_session=session).client)
    return open_client("bedrock-runtime", config=config, endpoint_url=base_url or None, verify=access.ca_file or None)


class _OurKey(Session):
    """Signs with the key as it is, and with nothing that lies around."""

    def __init__(self, key: str) -> None:
        super().__init__(_NOT_FROM_THE_ENVIRONMENT)
        self._key = key

    def get_auth_token(self, **_: object) -> FrozenAuthToken:
        return FrozenAuthToken(self._key)

    def get_credentials(self) -> None:
        return None
