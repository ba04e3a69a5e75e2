"""What is counted, for Prometheus: of HTTP and of errors here, of the game and of the partner beside them.

Times are seconds and sizes bytes. No label holds an id: each has a few dozen values at most.

`clickme play --workers N` sets PROMETHEUS_MULTIPROC_DIR before this is imported. Each worker then counts in
a file of that folder, and whichever of them is asked answers for all; a gauge says by its
`multiprocess_mode` how theirs become one.
"""

import os

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector

# Several processes have no such series, and one shall say the same.
disable_created_metrics()

ERRORS = Counter("clickme_errors", "Errors told to players and programs, by their code.", ["code"])
HTTP_REQUESTS = Counter(
    "clickme_http_requests",
    "HTTP requests answered, by method, template of the address, and status.",
    ["method", "route", "status"],
)
HTTP_SECONDS = Histogram(
    "clickme_http_request_seconds",
    "From an HTTP request to the end of its answer, by method and template of the address.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)
IN_MAINTENANCE = Gauge(
    "clickme_maintenance", "1 while maintenance goes on, 0 otherwise.", multiprocess_mode="livemax"
)


def exposition(accept: str) -> tuple[bytes, str]:
    """All that this server has counted, and its content type: OpenMetrics where `accept` asks for it."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
