"""A fake GitHub whose Apps share one key: making one is slower than most tests."""

from collections.abc import AsyncGenerator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from app.forges.fake.scenario import FakeForge


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def forge(key: RSAPrivateKey) -> AsyncGenerator[FakeForge]:
    async with FakeForge.start(key=key) as started:
        yield started
