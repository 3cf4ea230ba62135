"""Logs and traces: static event names with fields, no secret in any line, nothing sent anywhere unless asked."""

import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from io import TextIOBase
from typing import TYPE_CHECKING, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from typing_extensions import override

from app.domain.errors import UserError
from app.domain.names import NAME
from app.domain.secrets import Redactor

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Style = Literal["auto", "json", "console"]

# Libraries whose chatter at "info" says nothing an operator can act on.
QUIET = ("httpx", "httpcore", "githubkit", "temporalio", "uvicorn.access", "alembic", "asyncio", "aiosqlite")


def start_logging(
    *, level: str = "info", style: Style = "auto", secrets: Iterable[str] = (), stream: TextIO = sys.stderr
) -> None:
    """Send our lines and the libraries' to `stream`: JSON for machines, aligned text when a person looks on."""
    console = style == "console" or (style == "auto" and stream.isatty())
    renderer: Processor = (
        # The default shows local variables with a trace: tokens and code under review.
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    secrets = tuple(secrets)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *(() if console else (structlog.processors.format_exc_info,)),
    ]
    lines = _Lines(stream)
    ours = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer, _masked(secrets)],
        wrapper_class=structlog.make_filtering_bound_logger(ours),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lines)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _masked(secrets)],
        )
    )
    logging.basicConfig(handlers=[handler], level=ours, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(ours, logging.WARNING))


class _Lines(TextIOBase):
    """What is logged. On a full disk or a pipe that nobody reads a line is lost; the work it tells of goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @override
    def write(self, text: str, /) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    @override
    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _masked(secrets: Iterable[str]) -> Callable[[WrappedLogger, str, EventDict], str]:
    """Masks the finished line, so that nothing in it can be forgotten: fields, traces, other libraries' texts."""
    redactor = Redactor(secrets)

    def mask(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
        # After a renderer the "event dict" is the rendered text.
        return redactor.redact(str(line))

    return mask


def start_tracing(endpoint: str, *, process: str) -> "TracerProvider | None":
    """Spans go to this OTLP/HTTP collector; nothing is imported or sent without one. Call `shutdown()` at the end."""
    if not endpoint:
        return None
    if find_spec("opentelemetry.exporter") is None:
        raise UserError(
            "CORRIGENT_OTEL_ENDPOINT is set, and the exporter is not installed. "
            f"Run: {sys.prefix}/bin/uv pip install opentelemetry-exporter-otlp-proto-http"
        )
    # Importing them costs 0.3 s, which nobody without a collector should wait for.
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

    resource = Resource.create({"service.name": NAME.lower(), "service.instance.id": process})
    provider = TracerProvider(resource=resource)
    # An extra that the type checker does not find.
    http = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    exporter: SpanExporter = http.OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider
