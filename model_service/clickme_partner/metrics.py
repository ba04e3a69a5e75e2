"""What is counted of the partner, for Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)

BATCHES = Histogram(
    "clickme_partner_batch_views", "Views the partner looked at at once.", buckets=(1, 2, 4, 8, 16, 32, 64)
)
LOOKS = Histogram("clickme_partner_look_seconds", "How long it looked at a batch.", buckets=SECONDS)
VERDICTS = Histogram(
    "clickme_partner_verdict_seconds", "From a view's arrival to its verdict.", buckets=SECONDS
)
WAITING = Gauge(
    "clickme_partner_waiting_views", "Views whose turn has not come.", multiprocess_mode="livesum"
)
AWAY = Gauge(
    "clickme_partner_away",
    "1 while the partner is away, 0 while it is there.",
    multiprocess_mode="livemax",
)
FAILURES = Counter("clickme_partner_failures", "Looks that came to nothing, by their code.", ["code"])
