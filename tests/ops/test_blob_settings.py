"""The operator's settings reach the bucket: address, region and keys, with the secret in a file of its own."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from app.domain.errors import UserError
from app.settings import load_settings
from app.store.blobs import Blobs
from app.wiring import open_blobs


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=address, region_name="eu-west-1", aws_access_key_id="id", aws_secret_access_key="key"
    ).create_bucket(Bucket="reviews", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield address
    server.stop()


async def test_blobs_go_to_the_bucket_that_is_set(endpoint: str, tmp_path: Path) -> None:
    secret = tmp_path / "s3-secret"
    secret.write_text("a-secret-access-key\n")
    environ = {
        "CORRIGENT_HOME": str(tmp_path),
        "CORRIGENT_BLOBS_URL": "s3://reviews/corrigent",
        "CORRIGENT_BLOBS_ENDPOINT": endpoint,
        "CORRIGENT_BLOBS_REGION": "eu-west-1",
        "CORRIGENT_BLOBS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "CORRIGENT_BLOBS_SECRET_ACCESS_KEY_FILE": str(secret),
    }
    settings = load_settings(environ=environ)
    blobs = open_blobs(settings)
    key = await blobs.put(b"a diff")
    assert await blobs.get(key) == b"a diff"
    own = {"region": "eu-west-1", "access_key_id": "any", "secret_access_key": "other"}
    assert await Blobs("s3://reviews/corrigent", endpoint=endpoint, **own).get(key) == b"a diff"
    assert "a-secret-access-key" in settings.secret_values()


def test_half_a_key_is_told_at_start(tmp_path: Path) -> None:
    environ = {"CORRIGENT_HOME": str(tmp_path), "CORRIGENT_BLOBS_ACCESS_KEY_ID": "AKIDEXAMPLE"}
    with pytest.raises(UserError, match="blobs_secret_access_key: it belongs to blobs_access_key_id"):
        load_settings(environ=environ)
