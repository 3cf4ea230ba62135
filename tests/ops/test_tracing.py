"""Traces go to the collector that is set: from the nudge of a pull request to the activities of its review."""

import gzip
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from tests.harness.system import corrigent
from tests.harness.temporal import TemporalServer


class Collector(ThreadingHTTPServer):
    """Takes what an OTLP exporter sends."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.received: list[tuple[str, bytes]] = []

    def take(self, path: str, body: bytes) -> None:
        self.received.append((path, body))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Collector)
        self.server.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: this is a test."""


@pytest.fixture
def collector() -> Generator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_review_is_one_trace(
    forge: FakeForge, temporal: TemporalServer, collector: Collector, tmp_path: Path
) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    async with corrigent(
        forge, credentials, temporal, tmp_path / "home", with_model=False, otel_endpoint=collector.url
    ) as system:
        sample = samples.SAMPLES[0]
        pull_request = await repo.open_pull_request(
            author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
        )
        await forge.wait_until(lambda: [one for one in pull_request.checks if one.conclusion], timeout=30)
        await system.quiet()
    assert {path for path, _ in collector.received} == {"/v1/traces"}
    names: dict[str, bytes] = {}
    for _, body in collector.received:
        data = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            names |= {span.name: span.trace_id for scope in resource.scope_spans for span in scope.spans}
    for name in (
        "RunWorkflow:PullRequest",
        "RunWorkflow:Review",
        "RunActivity:begin_review",
        "RunActivity:post_review",
    ):
        assert name in names, sorted(names)
    assert len({names[name] for name in ("RunWorkflow:Review", "RunActivity:post_review")}) == 1
    told = b"".join(body for _, body in collector.received)
    assert credentials.webhook_secret.encode() not in told
