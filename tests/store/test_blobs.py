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
    url = f"file://{tmp_path}/blobs"
    key = await Blobs(url).put(b"right")
    other = await Blobs(url).put(b"wrong")
    place, wrong = (tmp_path / "blobs" / name[:2] / f"{name}.zst" for name in (key, other))
    place.write_bytes(wrong.read_bytes())
    with pytest.raises(ValueError, match="does not hold what was put there"):
        await Blobs(url).get(key)
    await Blobs(url).put(b"right")
    assert await Blobs(url).get(key) == b"right"


async def test_what_was_used_a_moment_ago_is_read_from_memory_until_it_is_removed(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    key = await blobs.put(b"near")
    (tmp_path / key[:2] / f"{key}.zst").rename(tmp_path / "elsewhere")
    assert await blobs.get(key) == b"near"
    (tmp_path / "elsewhere").rename(tmp_path / key[:2] / f"{key}.zst")
    await blobs.remove([key])
    with pytest.raises(FileNotFoundError):
        await blobs.get(key)


async def test_memory_holds_a_few_megabytes_and_no_large_blob(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path))
    keys = [await blobs.put(bytes([number]) * 400_000) for number in range(12)]
    large = await blobs.put(bytes(1_000_000))
    for file in tmp_path.glob("*/*.zst"):
        file.unlink()
    assert await blobs.get(keys[-1]) == bytes([11]) * 400_000
    for gone in (keys[0], large):
        with pytest.raises(FileNotFoundError):
            await blobs.get(gone)
