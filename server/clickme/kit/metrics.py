"""What is counted, for Prometheus."""

from prometheus_client import Counter

ERRORS = Counter("clickme_errors", "Errors told to players and programs, by their code.", ["code"])
