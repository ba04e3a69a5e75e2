"""dataset_info.json and features.json, as TensorFlow Datasets takes them. It reads them itself in "
"tests/interop."""

import json
from typing import Any

import pytest

from clickme.export.beside.tfds import dataset_info, features
from clickme.export.facts import Facts
from export.beside.made import EVERY, facts

# What the message DatasetInfo has room for: another key and it is refused.
KEYS = {"name", "version", "description", "citation", "splits", "schema", "fileFormat", "redistributionInfo"}


def info(known: Facts) -> Any:
    return json.loads(dataset_info(known))


@pytest.mark.parametrize("known", EVERY.values(), ids=EVERY)
def test_only_keys_that_it_knows_are_there(known: Facts) -> None:
    assert info(known).keys() <= KEYS
    assert info(known)["schema"].keys() == {"annotation"}
    assert info(known)["schema"]["annotation"].keys() == {"extraMetadata"}


def test_splits_have_the_lengths_of_their_files_as_strings() -> None:
    train, validation, test = info(facts())["splits"]

    assert train["name"] == "train"
    assert train["shardLengths"] == ["1024", "1024", "37"]
    assert train["numBytes"] == str(30_000 * 2085)
    assert (validation["shardLengths"], test["shardLengths"]) == (["51"], ["48"])


def test_strokes_are_counted_by_rounds() -> None:
    assert info(facts("npz"))["splits"][1]["shardLengths"] == ["102"]


@pytest.mark.parametrize(
    ("known", "template"),
    [
        (facts(), "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"),
        (facts(schema="raw"), "{SPLIT}-{SHARD_X_OF_Y}"),
    ],
)
def test_files_are_found_by_its_template(known: Facts, template: str) -> None:
    said = info(known)
    for split in said["splits"]:
        assert split["filepathTemplate"] == template
        shards = [shard for shard in known.shards if shard.split == split["name"]]
        for number, shard in enumerate(shards):
            assert shard.name == template.format(
                DATASET=said["name"],
                SPLIT=split["name"],
                FILEFORMAT=said["fileFormat"],
                SHARD_X_OF_Y=f"{number:05}-of-{len(shards):05}",
            )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("0.2.0", "0.2.0"), ("1.2", "1.2.0"), ("0.3.0.dev1+g12ab", "0.3.0"), ("2.0.0rc1", "2.0.0")],
)
def test_a_version_has_three_numbers(ours: str, theirs: str) -> None:
    assert info(facts(version=ours))["version"] == theirs


def test_every_fact_is_there() -> None:
    known = facts()

    [extra] = info(known)["schema"]["annotation"]["extraMetadata"]

    assert extra["@type"] == "type.googleapis.com/google.protobuf.Struct"
    said = extra["value"]
    assert said["left_out"][1] == {
        "rule": "flagged_photograph",
        "says": "photographs flagged by 1 or more players",
        "rounds": 96,
        "photographs": 31,
    }
    assert said["files"][2]["sha256"] == known.shards[2].sha256
    assert said["rules"][1] == {"rules": known.rules[1][0], "rounds": 368}
    assert said["reliability"]["rho"] == 0.571
    assert said["partners"] == known.partners
    assert said["licences"] == {"CC0-1.0": 1000, "": 1184}
    assert said["recipe"]["sigma"] == 28
    assert said.keys() == vars(known).keys() - {"shards"} | {"files"}


def test_a_licence_is_said_where_one_was_chosen() -> None:
    assert info(facts())["redistributionInfo"] == {"license": "CC-BY-4.0"}
    assert "redistributionInfo" not in info(facts(licence=None))


def test_pictures_are_decoded_and_raw_floats_are_tensors() -> None:
    def feature(known: Facts, name: str) -> Any:
        return json.loads(features(known))["featuresDict"]["features"][name]

    assert feature(facts(), "image")["image"] == {
        "dtype": "uint8",
        "encodingFormat": "jpeg",
        "shape": {"dimensions": ["256", "256", "3"]},
    }
    assert feature(facts(), "heatmap")["image"]["encodingFormat"] == "png"
    assert feature(facts(schema="raw"), "heatmap")["tensor"] == {
        "dtype": "float32",
        "encoding": "bytes",
        "shape": {"dimensions": ["256", "256", "1"]},
    }
    assert feature(facts(), "bbox")["tensor"]["shape"] == {"dimensions": ["4"]}
    assert feature(facts(), "label")["tensor"] == {"dtype": "int64", "encoding": "none", "shape": {}}
