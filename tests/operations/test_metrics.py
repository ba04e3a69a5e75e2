"""What is counted of HTTP, and how several processes count together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families as families


def requests(method: str, route: str, status: int) -> float:
    labels = {"method": method, "route": route, "status": str(status)}
    return REGISTRY.get_sample_value("clickme_http_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/api/rounds/987654321", "/api/rounds/{id}", 401),
        ("GET", "/api/rounds/987654321/photograph", "/api/rounds/{id}/photograph", 401),
        ("GET", "/api/consent", "/api/consent", 200),
        ("POST", "/api/consent", "/api/consent", 405),
        ("GET", "/", "/", 200),
        ("GET", "/static/game.js", "/static", 200),
        ("GET", "/987654321", "none", 404),
    ],
)
def test_requests_are_counted_by_template_and_never_by_what_they_name(
    client: TestClient, method: str, path: str, route: str, status: int
) -> None:
    before = requests(method, route, status)
    assert client.request(method, path).status_code == status
    assert requests(method, route, status) == before + 1
    assert "987654321" not in client.get("/metrics").text


def test_methods_that_nobody_knows_are_one(client: TestClient) -> None:
    before = requests("other", "none", 404) + requests("other", "/", 405)
    client.request("BREW", "/")
    assert requests("other", "none", 404) + requests("other", "/", 405) == before + 1


def test_the_time_of_an_answer_is_counted(client: TestClient) -> None:
    def answered() -> float:
        labels = {"method": "GET", "route": "/api/consent"}
        return REGISTRY.get_sample_value("clickme_http_request_seconds_count", labels) or 0.0

    before = answered()
    client.get("/api/consent")
    assert answered() == before + 1


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("*/*", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_metrics_are_told_in_the_form_that_is_asked_for(
    client: TestClient, accept: str, content_type: str
) -> None:
    answer = client.get("/metrics", headers={"accept": accept}, follow_redirects=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    assert "clickme_errors" in answer.text


COUNT = """
from clickme.game.metrics import RUNNING
from clickme.kit.metrics import ERRORS, HTTP_SECONDS, IN_MAINTENANCE
from clickme_partner.metrics import AWAY
ERRORS.labels("gap").inc(3)
HTTP_SECONDS.labels("GET", "/").observe(0.3)
RUNNING.set(4)
IN_MAINTENANCE.set({number})
AWAY.set({number})
"""
BURY = "import sys; from prometheus_client.multiprocess import mark_process_dead; mark_process_dead({pid})"
TELL = "from clickme.kit.metrics import exposition; print(exposition('')[0].decode())"


def run(program: str, folder: Path) -> tuple[str, int]:
    """What a process says that counts in a folder, and its number."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    said, _ = process.communicate()
    assert process.returncode == 0
    return said, process.pid


def test_workers_count_together_and_a_dead_one_leaves_its_counts_but_not_its_gauges(tmp_path: Path) -> None:
    def told() -> dict[tuple[str, str], float]:
        said, _ = run(TELL, tmp_path)
        found = {}
        for family in families(said):
            assert family.documentation != "Multiprocess metric"
            for sample in family.samples:
                assert "pid" not in sample.labels
                found[sample.name, sample.labels.get("le", "")] = sample.value
        return found

    _, first = run(COUNT.format(number=0), tmp_path)
    run(COUNT.format(number=1), tmp_path)
    both = told()
    assert both["clickme_errors_total", ""] == 6
    assert both["clickme_http_request_seconds_bucket", "0.2"] == 0
    assert both["clickme_http_request_seconds_bucket", "0.5"] == 2
    assert both["clickme_rounds_running", ""] == 8
    assert both["clickme_maintenance", ""] == both["clickme_partner_away", ""] == 1

    run(BURY.format(pid=first), tmp_path)
    left = told()
    assert left["clickme_errors_total", ""] == 6
    assert left["clickme_rounds_running", ""] == 4
