"""What travels through Temporal is small."""

import pytest
from temporalio.api.common.v1 import Payload

from workflows.converter import LARGEST_PAYLOAD, SmallPayloads


async def test_a_payload_at_the_limit_passes_unchanged() -> None:
    payload = Payload(data=b"x" * LARGEST_PAYLOAD)
    assert await SmallPayloads().encode([payload]) == [payload]
    assert await SmallPayloads().decode([payload]) == [payload]


async def test_a_larger_one_is_refused_and_named() -> None:
    with pytest.raises(ValueError, match=f"a payload of {LARGEST_PAYLOAD + 1} bytes"):
        await SmallPayloads().encode([Payload(data=b"x" * (LARGEST_PAYLOAD + 1))])
