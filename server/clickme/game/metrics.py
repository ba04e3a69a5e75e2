"""What is counted of the game, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

QUICK = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # s

BEGUN = Counter("clickme_rounds_begun", "Rounds begun.")
ROUNDS = Counter("clickme_rounds", "Rounds ended, by their outcome.", ["outcome"])
BUBBLES = Counter("clickme_bubbles", "Bubbles committed to the log.")
ACKS = Histogram(
    "clickme_ack_seconds", "From a frame of bubbles that came to its acknowledgement.", buckets=QUICK
)
COMMITS = Histogram("clickme_log_commit_seconds", "How long a commit of the log took.", buckets=QUICK)
COMMIT_ENTRIES = Histogram(
    "clickme_log_commit_batches",
    "Batches, beginnings and ends in a commit of the log.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000),
)
LOG_WAITING = Gauge(
    "clickme_log_waiting_batches", "What waits for the log's next commit.", multiprocess_mode="livesum"
)
RUNNING = Gauge("clickme_rounds_running", "Rounds that run here.", multiprocess_mode="livesum")
SOCKETS = Gauge("clickme_sockets", "Players' sockets that are open here.", multiprocess_mode="livesum")
