"""Blobs are named by their content, in a folder and in a bucket."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.store.blobs import Blobs
from tests.store.samples import action_of

ACCESS = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A server with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    ).create_bucket(Bucket="blobs")
    yield endpoint
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return Blobs(str(tmp_path / "blobs"))
    endpoint: str = request.getfixturevalue("s3_endpoint")
    return Blobs("s3://blobs/corrigent", endpoint=endpoint, **ACCESS)


@pytest.mark.parametrize("data", [b"", b"a", bytes(1_000_000)], ids=["empty", "one byte", "1 MB"])
async def test_what_is_put_is_got(blobs: Blobs, data: bytes) -> None:
    key = await blobs.put(data)
    assert key == hashlib.sha256(data).hexdigest()
    assert await blobs.put(data) == key
    assert await blobs.get(key) == data


async def test_a_blob_that_is_not_there(blobs: Blobs) -> None:
    with pytest.raises(FileNotFoundError):
        await blobs.get("0" * 64)


async def test_a_model_comes_back_as_it_was(blobs: Blobs) -> None:
    action = action_of().model_copy(update={"argument": "1 é"})
    assert await blobs.get_model(await blobs.put_model(action), type(action)) == action


async def test_a_damaged_blob_is_noticed_and_mended(tmp_path: Path) -> None:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    key = await blobs.put(b"right")
    other = await blobs.put(b"wrong")
    place, wrong = (tmp_path / "blobs" / name[:2] / f"{name}.zst" for name in (key, other))
    place.write_bytes(wrong.read_bytes())
    with pytest.raises(ValueError, match="does not hold what was put there"):
        await blobs.get(key)
    await blobs.put(b"right")
    assert await blobs.get(key) == b"right"
