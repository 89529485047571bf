"""Traces: one from a click or the timetable through the queue to each request to Microsoft; off by default.

The rooms open spans by OpenTelemetry's API alone, which does nothing until `set_up` gives it a collector. Attributes
are numbers, kinds and results; no names of tenants or people, no addresses, no texts of errors: a collector is not the
log. Nothing is passed on to Microsoft, and nobody from outside continues a trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, ProxyTracerProvider, Span, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.problems import Problem, ProblemError

Value = str | int | float | bool
SECONDS = 5.0  # for a collector to take what is sent, also at the end of the process
_FORMAT = TraceContextTextMapPropagator()
_NOT_MEASURED: AbstractContextManager[Span] = nullcontext(INVALID_SPAN)
_tracer = trace.get_tracer("lizenztool")


def set_up(endpoint: str) -> None:
    """Send the spans of this process to the collector at `endpoint`, by OTLP over HTTP; "" sends nothing anywhere.

    Raises ProblemError if the packages for that are not installed.
    """
    if not endpoint or not _is_off():
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ProblemError(Problem("tracing.no_packages")) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "lizenztool"}))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def _is_off() -> bool:
    return isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def span(name: str, parent: str = "", **attributes: Value) -> AbstractContextManager[Span]:
    """Measure the block as a part of what is measured around it, or of `parent`, which `carrier` has returned.

    An error that leaves the block is noted by its class, without its text. Costs a microsecond while nobody listens.
    """
    return _NOT_MEASURED if _is_off() else _measured(name, parent, attributes)


@contextmanager
def _measured(name: str, parent: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
    context = _FORMAT.extract({"traceparent": parent}) if parent else None
    with _tracer.start_as_current_span(
        name, context, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            opened.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def carrier() -> str:
    """Return the present span in the form of W3C's `traceparent`, for a row that another process reads; "" if none."""
    fields: dict[str, str] = {}
    _FORMAT.inject(fields)
    return fields.get("traceparent", "")
