"""croissant.json by the specification's words. mlcroissant reads it in tests/interop."""

import json
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

from clickme.export.beside.croissant import croissant
from clickme.export.facts import Facts
from export.beside.made import EVERY, facts

every = pytest.mark.parametrize("known", EVERY.values(), ids=EVERY)


def said(known: Facts) -> Any:
    return json.loads(croissant(known))


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = [inner for key, inner in value.items() if key != "@context"]
    if isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def named(known: Facts, kind: str) -> dict[str, dict[str, Any]]:
    return {node["@id"]: node for node in nodes(said(known)) if node.get("@type") == kind}


@every
def test_every_file_is_named_with_its_sum(known: Facts) -> None:
    files = named(known, "cr:FileObject")

    assert files.keys() == {shard.name for shard in known.shards}
    for shard in known.shards:
        assert files[shard.name]["sha256"] == shard.sha256
        assert files[shard.name]["contentUrl"] == shard.name
        assert files[shard.name]["contentSize"] == f"{shard.bytes} B"


@every
def test_whatever_is_referred_to_is_there(known: Facts) -> None:
    defined = {node["@id"] for node in nodes(said(known)) if "@type" in node and "@id" in node}
    referred = {node["@id"] for node in nodes(said(known)) if node.keys() == {"@id"}}

    assert referred <= defined


@every
def test_file_sets_are_of_all_files_once(known: Facts) -> None:
    outside = [each for each in named(known, "cr:FileSet").values() if "containedIn" not in each]
    patterns = [pattern for each in outside for pattern in each["includes"]]

    if known.format == "webdataset":  # sets of what lies in archives
        assert patterns == []
        return
    for shard in known.shards:
        assert sum(fnmatch(shard.name, pattern) for pattern in patterns) == 1


def test_it_conforms_to_both_specifications() -> None:
    assert said(facts())["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]


def test_the_date_is_that_of_the_last_round_and_the_licence_as_chosen() -> None:
    assert said(facts())["datePublished"] == "2026-11-20T09:30:00+00:00"
    assert said(facts())["license"] == "CC-BY-4.0"


def test_what_is_not_known_is_not_said() -> None:
    words = said(facts(licence=None, first_round=None, last_round=None, reliability=None))

    assert words.keys().isdisjoint(
        {"license", "datePublished", "rai:dataCollectionTimeFrame", "rai:dataAnnotationAnalysis", "recordSet"}
    )
    assert None not in words.values()


def test_responsible_ai_asks_and_is_answered() -> None:
    words = said(facts())

    assert words["rai:dataCollectionTimeFrame"] == ["2026-11-01T12:00:00+00:00", "2026-11-20T09:30:00+00:00"]
    assert words["rai:annotationsPerItem"] == "2.00 rounds a photograph on average"
    assert (
        "Left out: photographs flagged by 1 or more players: 96 rounds, 31 photographs whole."
        in (words["rai:dataPreprocessingProtocol"])
    )
    assert not any("banned" in step for step in words["rai:dataPreprocessingProtocol"])
    assert any("224×224" in bias for bias in words["rai:dataBiases"])
    assert "0.57" in words["rai:dataAnnotationAnalysis"][0]


@pytest.mark.parametrize(("format_", "column"), [("parquet", "heatmap"), ("ndjson", "xyt")])
def test_tables_have_a_field_for_each_column(format_: str, column: str) -> None:
    fields = named(facts(format_), "cr:Field")

    assert fields[f"records/{column}"]["source"]["extract"] == {"column": column}
    assert {"records/split", "splits/name", "records/image_id"} <= fields.keys()
