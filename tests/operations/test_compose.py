"""docker-compose.yml, the Dockerfile and the Caddyfile: well formed, and of one mind with the code.

There is no Docker here: the shape is held against what the Compose Specification allows, as far as it goes.
"""

import json
import re
from typing import Any

import pytest
import typer.main
import yaml

from clickme.cli import app
from clickme.settings import Limits, Settings
from clickme_partner.inference.serve import PORT
from operations.documents import ROOT

TOP = {"name", "services", "volumes", "networks"}
SERVICE = {
    "image": str,
    "build": str,
    "command": (str, list),
    "entrypoint": (str, list),
    "environment": dict,
    "volumes": list,
    "ports": list,
    "depends_on": dict,
    "healthcheck": dict,
    "deploy": dict,
    "restart": str,
    "shm_size": str,
    "stop_grace_period": str,
}
HEALTH = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
DURATION = re.compile(r"\d+(ms|s|m|h)")
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")

FILE = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service["image"].startswith("clickme:")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text()


def test_it_has_the_shape_of_the_specification() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} <= TOP
    for name, service in SERVICES.items():
        assert set(service) <= set(SERVICE), name
        for key, value in service.items():
            assert isinstance(value, SERVICE[key]), (name, key)  # type: ignore[arg-type]
        for key, value in service.get("healthcheck", {}).items():
            assert key in HEALTH
            assert key in ("test", "retries") or DURATION.fullmatch(value)
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
            if how["condition"] == "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    assert set(COMPOSE["volumes"]) <= {
        volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])
    }


def test_every_service_that_stays_says_whether_it_is_well() -> None:
    stay = {name for name, service in SERVICES.items() if service["restart"] != "no"}
    assert stay == {"postgres", "redis", "partner", "server", "proxy"}
    assert all("healthcheck" in SERVICES[name] for name in stay)


def test_images_have_a_tag_and_no_host() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        assert re.fullmatch(r"[a-z]+(/[a-z]+)?:[\w.-]+", image), image
        assert not image.endswith(":latest")


def test_there_is_no_secret_in_it() -> None:
    secrets = {"POSTGRES_PASSWORD", "CLICKME_SECRET_KEY"}
    assert set(REQUIRED.findall(FILE)) == secrets
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|KEY|TOKEN", name):
                assert REQUIRED.fullmatch(value), name
            if match := re.search(r"//[^/@:]*:([^@]+)@", value):
                assert REQUIRED.fullmatch(match[1]), name


def test_every_variable_is_a_setting() -> None:
    known = {
        f"{model.model_config['env_prefix']}{field}".upper()
        for model in (Settings, Limits)
        for field in model.model_fields
    }
    given = {name for name in OURS for name in SERVICES[name]["environment"]}
    given |= set(re.findall(r"\b(CLICKME_\w+)=", DOCKERFILE))
    assert given <= known


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_exists(name: str) -> None:
    service = SERVICES[name]
    if "entrypoint" in service:
        typed = [typed.split() for typed in re.findall(r"clickme ([a-z ]+[a-z])", service["entrypoint"][-1])]
    else:
        typed = [service["command"]]
    assert typed
    for arguments in typed:
        command: Any = typer.main.get_command(app)
        rest = list(arguments)
        while hasattr(command, "commands"):
            command = command.commands[rest.pop(0)]
        command.make_context(name, rest)  # it would not take what is none of its options


def test_the_image_begins_with_the_same_command() -> None:
    assert json.loads(re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)[0]) == ["clickme"]
    assert json.loads(re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)[0]) == SERVICES["server"]["command"]


def test_it_runs_as_nobody_in_particular_and_keeps_the_home_in_the_volume() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER clickme$", last, re.MULTILINE)
    (place,) = {volume.partition(":")[2] for name in OURS for volume in SERVICES[name]["volumes"]}
    for variable in ("CLICKME_HOME", "CLICKME_CACHE"):
        assert re.search(rf"{variable}={place}/\w+", last)
    assert f"--home-dir {place} clickme" in last


def test_what_the_image_is_made_of_is_there_and_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists()
            assert f"!{source}" in ignored


def test_ports_agree() -> None:
    port = Settings.model_fields["port"].default
    assert f"EXPOSE {port} {PORT}" in DOCKERFILE
    assert f"127.0.0.1:{port}/readyz" in SERVICES["server"]["healthcheck"]["test"][-1]
    assert f"127.0.0.1:{PORT}/v2/health/ready" in SERVICES["partner"]["healthcheck"]["test"][-1]
    assert SERVICES["partner"]["command"][-2:] == ["--port", str(PORT)]
    assert SERVICES["server"]["environment"]["CLICKME_PARTNER_URL"] == f"http://partner:{PORT}"
    assert SERVICES["proxy"]["ports"][:2] == ["80:80", "443:443"]


def test_the_proxy_knows_every_server_and_is_trusted() -> None:
    replicas = SERVICES["server"]["deploy"]["replicas"]
    port = Settings.model_fields["port"].default
    named = SERVICES["proxy"]["environment"]["SERVERS"].split()
    assert named == [f"{COMPOSE['name']}-server-{number}:{port}" for number in range(1, replicas + 1)]
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    trusted = Settings(trusted_proxies=SERVICES["server"]["environment"]["CLICKME_TRUSTED_PROXIES"])
    assert [str(one) for one in trusted.trusted_proxies] == [network["subnet"]]


def test_the_caddyfile_is_balanced_and_says_what_the_page_asks_of_a_proxy() -> None:
    depth = 0
    for line in CADDYFILE.splitlines():
        depth += line.rstrip().endswith("{") - (line.strip() == "}")
        assert depth >= 0
    assert depth == 0
    given = set(SERVICES["proxy"]["environment"])
    assert set(re.findall(r"\{\$(\w+)", CADDYFILE)) == given
    assert "health_uri /readyz" in CADDYFILE
    assert "@inside path /livez /readyz /metrics" in CADDYFILE
    assert "header_up X-Request-ID" in CADDYFILE


def test_the_page_asks_for_just_the_secrets_that_the_file_asks_for() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    written = set(re.findall(r"\b(?:\\n)?([A-Z_]+)=(?:%s|play)", page))
    assert written == set(REQUIRED.findall(FILE)) | {"SITE"}
