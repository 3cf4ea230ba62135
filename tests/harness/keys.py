"""The key of every App in tests: making one takes longer than most of what is done with it."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key


@cache
def app_key() -> RSAPrivateKey:
    """The same for every App of this process; a test about different keys lets the fake make them."""
    return generate_private_key(public_exponent=65537, key_size=2048)
