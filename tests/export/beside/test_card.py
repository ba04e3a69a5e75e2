"""README.md: YAML at the top, and every number with what it is."""

from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

import pytest
import yaml

from clickme.export.beside.card import card, table
from clickme.export.facts import Facts
from clickme.maps import Recipe
from export.beside.made import EVERY, RELIABILITY, facts

every = pytest.mark.parametrize("known", EVERY.values(), ids=EVERY)


def front(known: Facts) -> Any:
    empty, block, _ = card(known).split("---\n", maxsplit=2)
    assert empty == ""
    return yaml.safe_load(block)


def section(known: Facts, title: str) -> str:
    return card(known).partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@every
def test_the_front_matter_is_yaml(known: Facts) -> None:
    words = front(known)

    assert words["license"] == "cc-by-4.0"
    assert words["size_categories"] == ["1K<n<10K"]


@every
def test_patterns_find_the_files_of_their_split_alone(known: Facts) -> None:
    if known.format not in ("parquet", "webdataset", "ndjson"):
        assert "configs" not in front(known)
        return
    [config] = front(known)["configs"]
    assert [each["split"] for each in config["data_files"]] == ["train", "validation", "test"]
    for each in config["data_files"]:
        found = {shard.name for shard in known.shards if fnmatch(shard.name, each["path"])}
        assert found == {shard.name for shard in known.shards if shard.split == each["split"]}


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        (None, {}),
        ("CC0-1.0", {"license": "cc0-1.0"}),
        ('ask: the "lab"', {"license": "other", "license_name": 'ask: the "lab"'}),
    ],
)
def test_a_licence_is_one_of_the_hub_or_another(licence: str | None, words: dict[str, str]) -> None:
    found = {key: value for key, value in front(facts(licence=licence)).items() if key.startswith("license")}

    assert found == words


@pytest.mark.parametrize(
    ("size", "category"), [(10, "n<1K"), (5_000, "1K<n<10K"), (472_946, "100K<n<1M"), (2 * 10**7, "n>10M")]
)
def test_sizes_are_the_hubs(size: int, category: str) -> None:
    assert front(facts(train=[size]))["size_categories"] == [category]


@every
def test_it_counts_what_is_here_and_what_was_left_out(known: Facts) -> None:
    here = section(known, "What is here")
    records = 2 * 2085 if known.per_player or not known.has_maps else 2085

    assert f"| train | 2,085 | 4,170 | {records:,} | 2 | 3 |" in here
    assert "| `skipped` | rounds that were skipped | 1,200 | 0 |" in section(known, "What was left out")


@every
def test_it_has_a_program_for_its_format(known: Facts) -> None:
    program = section(known, "Reading it").partition("```python\n")[2].partition("```")[0]

    compile(program, "README.md", "exec")
    library = {"tfrecord": "tensorflow_datasets", "parquet": "datasets", "hdf5": "h5py", "npz": "numpy"}
    assert f"import {library.get(known.format, known.format.removeprefix('nd'))}" in program


def test_rules_that_changed_stand_beside_each_other() -> None:
    collected = section(facts(), "How it was collected")

    assert "| rule | 4,000 rounds | 368 rounds |" in collected
    assert "| recognised: the label is among the partner's first | 5 | 1 |" in collected
    assert "| resnet50@5f0c | 4,000 |" in collected
    assert "| lab-7 | 7 |" in collected


def test_rules_of_another_game_are_said_as_they_are() -> None:
    collected = section(facts(rules=[({"bubble": 14, "colour": "red|green"}, 4368)]), "How it was collected")

    assert "| colour | red\\|green |" in collected
    assert "a size that was not recorded" in collected


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(), ["(m₁ + … + m_P) / P", "49×49 px", "exp(−(dx² + dy²) / (2·28²))", "share of players"]),
        (Recipe(map="count", box=18, blur="none"), ["18×18 px", "max C", "not blurred", "largest count"]),
        (Recipe(map="point", blur="disk"), ["bubbles per pixel and player", "flat disk of 21 px, twice"]),
    ],
)
def test_it_says_how_a_map_is_made_and_in_what_unit(recipe: Recipe, words: list[str]) -> None:
    made = section(facts(recipe=recipe), "How a map is made")

    assert all(word in made for word in words)


def test_agreement_stands_beside_the_papers() -> None:
    agreement = section(facts(), "How far players agree")

    assert "| two players of one photograph | 0.57 (0.55 to 0.59) | 0.58 |" in agreement
    assert "| 0.20 | 0.18 |" in agreement
    assert "p = 0.04" in agreement
    assert "3 photographs could not be compared" in agreement


def test_agreement_that_could_not_be_measured_is_said_so() -> None:
    assert "no photograph has two players" in section(facts(reliability=None), "How far players agree")
    partly = replace(RELIABILITY, null=None, p=None, ceiling=None, ceiling_interval=None)
    assert "| not measured | 0.18 |" in section(facts(reliability=partly), "How far players agree")


def test_licences_of_photographs_are_theirs() -> None:
    known = section(facts(), "Licences")

    assert "The maps and strokes: CC-BY-4.0." in known
    assert "| not known | 1,184 |" in known
    assert "are not in these files" in section(facts(images=False), "Licences")
    assert "no licence was chosen" in section(facts(licence=None), "Licences")


def test_a_bar_does_not_end_a_cell() -> None:
    assert table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b\\|c |\n"


def test_splits_that_are_still_empty_are_named_but_not_where_nothing_was_split() -> None:
    limits = section(facts(), "Known limits and biases")
    assert "No photograph in test: there are too few yet." in limits
    whole = section(facts(classes={"whole": {"n01440764": 7}}), "Known limits and biases")
    assert "No photograph in" not in whole
