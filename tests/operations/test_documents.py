"""docs/operations.md, the dashboard and the example for Prometheus say what is so."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from prometheus_client import REGISTRY, Metric
from pydantic.fields import FieldInfo

import clickme.app
import clickme_partner.inference.service
from clickme.cli import app
from clickme.settings import Limits, Settings
from operations.documents import PAGE, ROOT, commands, table

assert clickme.app
assert clickme_partner.inference.service  # between them they know all metrics

ALONE = "clickme_partner_requests_total"  # of the partner's own server
NOT_DRAWN = {ALONE, "clickme_partner_look_seconds"}


def shown(field: FieldInfo) -> str:
    """A default as the page has it."""
    default = field.get_default(call_default_factory=True)
    return "none" if default is None or default == () else f"`{default}`"


@pytest.mark.parametrize(("title", "model"), [("Settings", Settings), ("Limits", Limits)])
def test_every_setting_is_there_with_its_default(title: str, model: type[Settings] | type[Limits]) -> None:
    prefix = str(model.model_config["env_prefix"])
    fields = {name: field for name, field in model.model_fields.items() if name != "limits"}
    said = {name.strip("`"): default for name, default, _ in table(title)}
    assert list(said) == [f"{prefix}{name}".upper() for name in fields]
    for name, field in fields.items():
        default = said[f"{prefix}{name}".upper()]
        if isinstance(field.get_default(call_default_factory=True), Path):
            assert default.startswith("your user's")
        else:
            assert default == shown(field)


def metrics() -> Iterator[Metric]:
    return (metric for metric in REGISTRY.collect() if metric.name.startswith("clickme_"))


def full_name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def label_names(metric: Metric) -> tuple[str, ...]:
    (collector,) = {REGISTRY._names_to_collectors[name] for name in (full_name(metric),)}
    names: tuple[str, ...] = collector._labelnames  # type: ignore[attr-defined]
    return names


def test_every_metric_is_there_as_it_is() -> None:
    said = {name.strip("`"): (kind, labels, what) for name, kind, labels, what in table("Metrics")}
    known = {
        full_name(metric): (
            metric.type,
            ", ".join(f"`{label}`" for label in label_names(metric)),
            metric.documentation,
        )
        for metric in metrics()
    }
    assert said == {name: facts for name, facts in known.items() if name != ALONE}
    assert ALONE in known and ALONE in PAGE.read_text()


def test_metrics_are_in_base_units() -> None:
    units = re.compile(r"_(ms|milliseconds|minutes|hours|kb|mb|percent|ratio_percent)(_|$)")
    assert [metric.name for metric in metrics() if units.search(metric.name)] == []


def test_every_metric_of_the_dashboard_exists() -> None:
    board = json.loads((ROOT / "deploy" / "grafana" / "clickme.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    series = set()
    for metric in metrics():
        parts = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
        series |= {full_name(metric) + part for part in parts}
    named = {name for expression in asked for name in re.findall(r"\bclickme_\w+", expression)}
    assert named - series == set()
    drawn = {re.sub("_(bucket|sum|count)$", "", name) for name in named}
    assert {full_name(metric) for metric in metrics()} - drawn == NOT_DRAWN
    groups = [group for expression in asked for group in re.findall(r"by \((.*?)\)", expression)]
    by = {label for group in groups for label in group.split(", ")}
    assert by - {"le"} <= {label for metric in metrics() for label in label_names(metric)}


def test_the_dashboards_panels_do_not_overlap() -> None:
    board = json.loads((ROOT / "deploy" / "grafana" / "clickme.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_prometheus_asks_where_servers_answer() -> None:
    from clickme_partner.inference.serve import PORT

    jobs = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())["scrape_configs"]
    servers, partner = jobs
    assert servers["dns_sd_configs"][0]["port"] == Settings.model_fields["port"].default
    assert partner["static_configs"][0]["targets"] == [f"partner:{PORT}"]


def test_every_command_on_the_page_exists() -> None:
    typed = commands()
    assert ["db", "status"] in typed
    for words in typed:
        command: Any = typer.main.get_command(app)
        for word in words:
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, " ".join(words)
            command = command.commands[word]


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text()):
        assert (PAGE.parent / target).exists(), target
