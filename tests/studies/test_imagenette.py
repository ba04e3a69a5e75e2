"""A small data set painted by code: made, read back, and refused where there is nothing to paint."""

import json
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import clickme.export
from clickme.catalogue.prepare import LeftOut
from clickme.export.facts import Facts
from clickme.export.reading import describe
from clickme.game.rules import Bubble, check
from clickme.kit.problems import Problem
from clickme.studies.imagenette import RULES, enlarged, found, paint, refuse_other, stroke
from clickme_partner.registry import Installed
from made_up import Unheard, contents

WNIDS = ("n01440764", "n02102040")  # tench, English springer: classes 0 and 217


def test_it_is_read_as_any_data_set(painted: tuple[Path, Facts]) -> None:
    out, facts = painted
    described = describe(out)
    assert described.format == "tfrecord"
    assert described.options["evidence"].startswith("brightness@")
    counts = {
        split: sum(1 for _ in clickme.export.read(out, split)) for split in ("train", "validation", "test")
    }
    assert counts == {"train": 14, "validation": 2, "test": 4}
    for record in clickme.export.read(out):
        assert record.n_players == 2
        assert record.click_count == 40
        assert record.label == {"n01440764": 0, "n02102040": 217}[record.wnid]
        assert record.image is not None
        with Image.open(BytesIO(record.image)) as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")
    assert (facts.photographs, facts.rounds, facts.players, facts.bubbles) == (20, 40, 2, 800)


def test_each_class_is_in_each_split_by_its_share(painted: tuple[Path, Facts]) -> None:
    _, facts = painted
    assert facts.classes == {
        "train": dict.fromkeys(WNIDS, 7),
        "validation": dict.fromkeys(WNIDS, 1),
        "test": dict.fromkeys(WNIDS, 2),
    }


def test_the_maps_lie_on_the_evidence(painted: tuple[Path, Facts]) -> None:
    for record in clickme.export.read(painted[0]):
        assert record.image is not None
        assert record.heatmap is not None
        with Image.open(BytesIO(record.image)) as image:
            bright = np.asarray(image.convert("L")) > 150
        assert record.heatmap[bright].mean() > 3 * record.heatmap[~bright].mean()


def test_players_agree_more_than_chance_has_it(painted: tuple[Path, Facts]) -> None:
    measured = painted[1].reliability
    assert measured is not None
    assert measured.photographs == 20
    assert measured.rho is not None
    assert measured.null is not None
    assert measured.rho > measured.null + 0.3


def test_it_says_that_no_person_painted_and_nothing_else_is_left(painted: tuple[Path, Facts]) -> None:
    out, facts = painted
    files = {*(shard.name for shard in facts.shards), "dataset_info.json", "features.json"}
    assert {file.name for file in out.iterdir()} == files | {"README.md", "SHA256SUMS"}
    said = json.loads((out / "dataset_info.json").read_text())["description"]
    assert said in (out / "README.md").read_text()
    assert said.startswith("20 photographs of ILSVRC12, each painted by 2 players made of code, 20 bubbles")
    assert "no person painted" in said
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=out, check=True)


def test_the_same_again_has_the_same_bytes_and_another_seed_other_maps(
    painted: tuple[Path, Facts], photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    first = contents(painted[0])
    for seed, same in ((0, True), (1, False)):
        out = tmp_path / str(seed)
        paint(photographs, out, brightness, Unheard(), players=2, bubbles=20, seed=seed)
        assert (contents(out) == first) is same


def test_the_same_photographs_and_partner_are_taken_again(
    painted: tuple[Path, Facts], photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    for partner in (brightness, None):
        refuse_other(painted[0], photographs, partner)
        shutil.copytree(photographs, tmp_path / str(partner))
        refuse_other(painted[0], tmp_path / str(partner), partner)


def changed(folder: Path) -> None:
    photograph = folder / WNIDS[0] / "1.JPEG"
    Image.open(photograph).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photograph)


def renamed(folder: Path) -> None:
    photograph = folder / WNIDS[0] / "1.JPEG"
    photograph.rename(folder / WNIDS[1] / "11.JPEG")


def fewer(folder: Path) -> None:
    (folder / WNIDS[0] / "1.JPEG").unlink()


@pytest.mark.parametrize("change", [changed, renamed, fewer])
def test_data_painted_on_other_photographs_are_refused(
    painted: tuple[Path, Facts], photographs: Path, change: Callable[[Path], None], tmp_path: Path
) -> None:
    shutil.copytree(photographs, tmp_path / "photographs")
    change(tmp_path / "photographs")
    with pytest.raises(Problem, match="was painted on other photographs than those in ") as no:
        refuse_other(painted[0], tmp_path / "photographs", None)
    assert no.value.code == "other_data"


def test_data_that_do_not_say_which_photographs_they_were_are_taken_by_their_number(
    painted: tuple[Path, Facts], photographs: Path, tmp_path: Path
) -> None:
    info = json.loads((painted[0] / "dataset_info.json").read_text())
    del info["schema"]["annotation"]["extraMetadata"][0]["value"]["options"]["photographs"]
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    refuse_other(tmp_path, photographs, None)
    with pytest.raises(Problem, match="was painted on other photographs"):
        refuse_other(tmp_path, one_class(photographs, tmp_path), None)


def one_class(photographs: Path, folder: Path) -> Path:
    shutil.copytree(photographs / WNIDS[0], folder / "one" / WNIDS[0])
    return folder / "one"


def test_data_painted_by_another_partners_evidence_are_refused(
    painted: tuple[Path, Facts], photographs: Path, brightness: Installed
) -> None:
    for other in (replace(brightness, sha256="0" * 64), replace(brightness, name="darkness")):
        with pytest.raises(Problem, match=f"by the evidence of brightness@.* is {other.name}@") as no:
            refuse_other(painted[0], photographs, other)
        assert no.value.code == "other_data"


def test_what_is_no_data_set_is_not_taken(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text("{}")
    with pytest.raises(Problem) as no:
        refuse_other(tmp_path, photographs, None)
    assert no.value.code == "no_data_set"


def test_one_player_alone_agrees_with_nobody(
    photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    facts = paint(photographs, tmp_path / "data", brightness, Unheard(), players=1, bubbles=5)
    assert facts.reliability is None
    assert "is not measured" in (tmp_path / "data" / "README.md").read_text()


@given(st.integers(1, 140), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_stroke_keeps_the_brushs_laws(bubbles: int, seed: int) -> None:
    map_ = np.random.default_rng(seed).normal(size=(7, 7))
    painted = stroke(2, map_, random.Random(seed), bubbles)
    assert (painted.player, painted.xyt.shape) == (2, (bubbles, 3))
    check(RULES, None, [Bubble(*row) for row in painted.xyt.tolist()], RULES.limit_ms)


@pytest.mark.parametrize("size", [(224, 300), (300, 224), (100, 100), (640, 480)])
def test_every_photograph_becomes_a_square_of_256_px(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    ramp = np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")

    with Image.open(BytesIO(enlarged(tmp_path / "ramp.png"))) as image:
        assert (image.size, image.mode) == ((256, 256), "RGB")
        row = np.asarray(image)[128, :, 0].astype(np.float64)

    side = min(size)
    middles = (np.arange(256) + 0.5) / 256 * side + (width - side) / 2 - 0.5
    np.testing.assert_allclose(row[4:-4], middles[4:-4] * 255 / (width - 1), atol=3)


def test_a_folder_without_photographs_is_refused(brightness: Installed, tmp_path: Path) -> None:
    (tmp_path / "n00000000").mkdir()
    with pytest.raises(Problem) as problem:
        paint(tmp_path, tmp_path / "out", brightness, Unheard())
    assert problem.value.code == "no_photographs"
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(
    photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Problem) as problem:
        paint(photographs, tmp_path, brightness, Unheard())
    assert problem.value.code == "folder_not_empty"
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


def test_a_photograph_that_cannot_be_read_leaves_no_data_set(brightness: Installed, tmp_path: Path) -> None:
    folder = tmp_path / "photographs" / WNIDS[0]
    folder.mkdir(parents=True)
    (folder / "1.JPEG").write_bytes(b"no photograph")
    out = tmp_path / "data"
    with pytest.raises(LeftOut, match=r"1\.JPEG"):
        paint(folder.parent, out, brightness, Unheard())
    assert not (out / "dataset_info.json").exists()


def test_the_ten_classes_are_split_alike(shared_data: Path) -> None:
    sources = found(shared_data / "imagenette-sample")
    counts = {
        split: [
            sum(s.split == split and s.wnid == wnid for s in sources) for wnid in {s.wnid for s in sources}
        ]
        for split in ("train", "validation", "test")
    }
    assert counts == {"train": [280] * 10, "validation": [40] * 10, "test": [80] * 10}
