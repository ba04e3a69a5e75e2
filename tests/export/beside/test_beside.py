"""All that lies beside the shards of a data set, of whatever format."""

import json
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.export.beside import beside, load
from clickme.export.facts import Facts
from clickme.export.formats import Damaged
from clickme.maps import Recipe
from export.beside.made import EVERY, facts

NAMES = {"dataset_info.json", "features.json", "croissant.json", "README.md", "SHA256SUMS"}

every = pytest.mark.parametrize("known", EVERY.values(), ids=EVERY)


def strict_json(data: bytes) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(data, parse_constant=refuse)


@every
def test_all_files_are_there_and_are_what_they_are_called(known: Facts) -> None:
    files = beside(known)

    assert files.keys() == NAMES
    for name, content in files.items():
        assert content.endswith(b"\n")
        if name.endswith(".json"):
            assert strict_json(content)


@every
def test_equal_facts_give_equal_bytes(known: Facts) -> None:
    """In whatever order a database has counted."""

    def turned(counts: Any) -> Any:
        return {
            key: turned(value) if isinstance(value, dict) else value
            for key, value in reversed(list(counts.items()))
        }

    fields = ("options", "classes", "outcomes", "pointers", "partners", "consents", "licences")
    other = replace(known, **{field: turned(getattr(known, field)) for field in fields})

    assert beside(other) == beside(known)


@every
def test_what_is_needed_to_read_the_shards_comes_back(known: Facts) -> None:
    described = load(beside(known)["dataset_info.json"])

    assert described.format == known.format
    assert described.options == known.options
    assert (described.has_images, described.has_maps) == (known.has_images, known.has_maps)
    assert described.per_player == known.per_player
    assert described.recipe == known.recipe
    assert described.shards == tuple(known.shards)


@given(
    st.builds(
        Recipe,
        map=st.sampled_from(["mean", "count", "point"]),
        box=st.integers(1, 256),
        blur=st.sampled_from(["gaussian", "disk", "none"]),
        kernel=st.integers(0, 127).map(lambda reach: 2 * reach + 1),
        sigma=st.floats(0.1, 1000),
        diameter=st.integers(0, 127).map(lambda reach: 2 * reach + 1),
    )
)
def test_every_recipe_comes_back(recipe: Recipe) -> None:
    assert load(beside(facts(recipe=recipe))["dataset_info.json"]).recipe == recipe


@pytest.mark.parametrize(
    ("format_", "schema", "scale", "expected"),
    [
        ("tfrecord", "default", 1, ("default", None)),
        ("tfrecord", "raw", 255, ("raw", 255)),
        ("parquet", "default", 1, (None, None)),
    ],
)
def test_schema_and_scale_are_those_of_tfrecord(
    format_: str, schema: Any, scale: int, expected: tuple[str | None, int | None]
) -> None:
    options = {"schema": schema, "image_scale": scale}

    described = load(beside(facts(format_, schema, options=options))["dataset_info.json"])

    assert (described.schema, described.image_scale) == expected


def without_map(found: Any) -> None:
    del found["recipe"]["map"]


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b"\xff", b'{"schema": {"annotation": {"extraMetadata": []}}}', b'{"schema": 1}'],
)
def test_what_is_no_description_of_ours_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged, match=r"dataset_info\.json"):
        load(data)


@pytest.mark.parametrize("key", ["format", "recipe", "files", "per_player"])
def test_a_description_that_lacks_something_is_damaged(key: str) -> None:
    info = json.loads(beside(facts())["dataset_info.json"])
    [ours] = info["schema"]["annotation"]["extraMetadata"]
    del ours["value"][key]

    with pytest.raises(Damaged, match=key):
        load(json.dumps(info).encode())


def test_sums_are_checked_by_sha256sum(tmp_path: Path) -> None:
    known = facts("parquet")
    contents = {shard.name: shard.name.encode() * 100 for shard in known.shards}
    shards = [replace(shard, sha256=sha256(contents[shard.name]).hexdigest()) for shard in known.shards]
    contents |= beside(replace(known, shards=shards))
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    def check() -> subprocess.CompletedProcess[str]:
        command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    checked = check()
    assert checked.returncode == 0
    assert {line.removesuffix(": OK") for line in checked.stdout.splitlines()} == contents.keys() - {
        "SHA256SUMS"
    }

    (tmp_path / shards[1].name).write_bytes(b"changed")
    assert f"{shards[1].name}: FAILED" in check().stdout
