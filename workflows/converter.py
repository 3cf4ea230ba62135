"""How values become payloads: pydantic JSON, small; failures as one sentence."""

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadCodec

LARGEST_PAYLOAD = 2048


class SmallPayloads(PayloadCodec):
    """Refuses what is too large to belong into a history: code and prose travel as blob keys."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        for payload in payloads:
            if len(payload.data) > LARGEST_PAYLOAD:
                raise ValueError(
                    f"a payload of {len(payload.data)} bytes; {LARGEST_PAYLOAD} at most: {payload.data[:80]!r}"
                )
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return list(payloads)


def data_converter(failures: type[DefaultFailureConverter], *, assert_small: bool = False) -> DataConverter:
    """The converter of every client and worker; tests assert the payload size."""
    return dataclasses.replace(
        pydantic_data_converter,
        failure_converter_class=failures,
        payload_codec=SmallPayloads() if assert_small else None,
    )
