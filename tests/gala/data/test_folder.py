"""ILSVRC12 folders as photographs to train on, with maps for a part of them."""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from clickme.catalogue.categories import all_categories
from clickme.catalogue.prepare import prepare
from clickme.export.formats import Damaged
from clickme.kit.problems import Problem
from clickme.settings import Limits
from clickme_gala.data import Sample, open_data
from clickme_gala.data.loader import Loader
from clickme_gala.data.views import View
from export.beside.made import RELIABILITY
from gala.made import export, ilsvrc, mapping, record

LABELS = {label.wnid: label.class_index for label in all_categories()}
TENCH, GOLDFISH, SHARK = (label.wnid for label in all_categories()[:3])
TRAIN = [f"{TENCH}/{TENCH}_1.JPEG", f"{TENCH}/{TENCH}_2.JPEG", f"{SHARK}/{SHARK}_1.JPEG"]
VAL = [f"{GOLDFISH}/ILSVRC2012_val_00000001.JPEG"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three photographs to train on and one to validate on, with the classes written down."""
    found = ilsvrc(tmp_path / "ilsvrc", {"train": TRAIN, "val": VAL})
    mapping(found / "LOC_synset_mapping.txt")
    return found


def painted(folder: Path, splits: Mapping[str, str], **options: Any) -> Path:
    """An export with a map of each of these photographs, by image_id, in these splits."""
    made = [
        replace(record(split, number, LABELS[image_id[:9]], 1000, 0), image_id=image_id)
        for number, (image_id, split) in enumerate(splits.items())
    ]
    return export(folder, sorted(made, key=lambda one: one.split), **options)


def samples(root: Path, split: str = "train", **options: Any) -> list[Sample]:
    photographs = open_data(root, split, **options)
    return [photographs[number] for number in range(len(photographs))]


def problem(open_: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as raised:
        open_()
    return raised.value


def test_photographs_with_their_classes(root: Path) -> None:
    found = samples(root)

    assert [(one.name, one.image_id, one.label) for one in found] == [
        (TRAIN[0], TRAIN[0], 0),
        (TRAIN[1], TRAIN[1], 0),
        (TRAIN[2], TRAIN[2], 2),
    ]
    assert [(one.map, one.n_players) for one in found] == [(None, 0)] * 3
    assert [(one.image_id, one.label) for one in samples(root, "validation")] == [(VAL[0], 1)]
    photographs = open_data(root, "train")
    assert (photographs.with_maps, photographs.classes, photographs.reliability) == (0, 2, None)


def test_folders_of_classes_alone_are_for_training(tmp_path: Path) -> None:
    ilsvrc(tmp_path / "some" / "photographs", {"": TRAIN})
    mapping(tmp_path / "some" / "LOC_synset_mapping.txt")

    assert [one.image_id for one in samples(tmp_path / "some" / "photographs")] == TRAIN
    found = problem(lambda: open_data(tmp_path / "some" / "photographs", "validation"))
    assert found.code == "no_split"
    assert found.message.endswith("it has these: train.")


def test_maps_find_their_photographs(root: Path, tmp_path: Path) -> None:
    maps = painted(
        tmp_path / "maps", {TRAIN[2]: "train", TRAIN[0]: "train", f"{SHARK}/elsewhere.JPEG": "train"}
    )
    exported = {one.image_id: one for one in samples(maps)}

    photographs = open_data(root, "train", maps=maps)

    assert (len(photographs), photographs.with_maps, photographs.reliability) == (3, 2, RELIABILITY)
    for number, image_id in enumerate(TRAIN):
        found = photographs[number].map
        if image_id == TRAIN[1]:
            assert found is None
        else:
            np.testing.assert_array_equal(found, exported[image_id].map)
            assert photographs[number].n_players == exported[image_id].n_players


def test_what_maps_are_judged_by_is_not_trained_on(root: Path, tmp_path: Path) -> None:
    maps = painted(
        tmp_path / "maps", {TRAIN[0]: "test", TRAIN[1]: "validation", TRAIN[2]: "train", VAL[0]: "test"}
    )

    photographs = open_data(root, "train", maps=maps)

    assert [photographs[number].image_id for number in range(len(photographs))] == [TRAIN[2]]
    assert list(photographs.left_out) == ["2 photographs of the validation and test splits of the maps"]
    (judged,) = samples(root, "validation", maps=maps)
    assert judged.map is not None


def test_an_export_that_is_not_split_keeps_nothing_back(root: Path, tmp_path: Path) -> None:
    maps = painted(tmp_path / "maps", dict.fromkeys(TRAIN, "full"))

    assert open_data(root, "train", maps=maps).with_maps == 3


def test_boxes_stand_in_for_maps(root: Path, tmp_path: Path) -> None:
    maps = painted(tmp_path / "maps", dict.fromkeys(TRAIN, "train"))

    for one in samples(root, maps=maps, annotation="boxes"):
        assert one.map is not None
        assert set(np.unique(one.map)) == {0, 1}


@pytest.mark.parametrize("options", [{"has_images": False}, {"schema": "raw"}, {"format": "parquet"}])
def test_maps_need_no_photographs_of_their_own(root: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    maps = painted(tmp_path / "maps", dict.fromkeys(TRAIN, "train"), **options)

    for one in samples(root, maps=maps):
        assert one.map is not None
        assert (one.map.dtype, float(one.map.max()) > 0) == (np.dtype(np.float32), True)


def test_a_map_that_is_lost_is_named_and_its_photograph_is_trained_on(root: Path, tmp_path: Path) -> None:
    maps = painted(tmp_path / "maps", dict.fromkeys(TRAIN, "train"))
    (shard,) = maps.glob("*train*")
    shard.write_bytes(shard.read_bytes()[:-1])

    photographs = open_data(root, "train", maps=maps)

    assert (len(photographs), photographs.with_maps, photographs.unreadable) == (3, 2, 0)
    (said,) = photographs.left_out
    assert said.startswith(f"record 2 of {shard.name} is truncated")


def test_batches_of_some_with_maps(root: Path, tmp_path: Path) -> None:
    maps = painted(tmp_path / "maps", {TRAIN[1]: "train"})
    view = View(64, train=False)

    (batch,) = Loader(
        open_data(root, "train", maps=maps), view, batch=3, workers=0, seed=0, device=torch.device("cpu")
    ).once()

    assert batch.has_map.tolist() == [False, True, False]
    assert (batch.maps.flatten(1).sum(1) > 0).tolist() == [False, True, False]


# The classes


def test_classes_are_those_of_the_maps_where_they_are_written_nowhere(tmp_path: Path) -> None:
    root = ilsvrc(tmp_path / "ilsvrc", {"train": TRAIN})
    maps = painted(tmp_path / "maps", {TRAIN[0]: "train", TRAIN[2]: "test"})

    assert [one.label for one in samples(root, maps=maps)] == [0, 0]


def test_a_thousand_folders_are_the_classes_in_their_order(tmp_path: Path) -> None:
    root = tmp_path / "ilsvrc"
    for label in all_categories():
        (root / "train" / label.wnid).mkdir(parents=True)
    last = all_categories()[999].wnid
    ilsvrc(root, {"train": [f"{last}/one.JPEG", *TRAIN]})

    assert [one.label for one in samples(root)] == [0, 0, 2, 999]


def test_a_class_that_nobody_names_is_asked_for(tmp_path: Path) -> None:
    root = ilsvrc(tmp_path / "ilsvrc", {"train": TRAIN})

    found = problem(lambda: open_data(root, "train"))

    assert found.code == "no_classes"
    assert found.message.startswith(
        f"Which class is {TENCH}? Put the challenge's LOC_synset_mapping.txt into "
    )


def test_a_mapping_without_the_class_is_no_help(tmp_path: Path) -> None:
    root = ilsvrc(tmp_path / "ilsvrc", {"train": TRAIN})
    (root / "LOC_synset_mapping.txt").write_text(f"{TENCH} tench\n\n")

    assert problem(lambda: open_data(root, "train")).message.startswith(f"Which class is {SHARK}?")


def test_a_folder_without_photographs_says_so(tmp_path: Path) -> None:
    (tmp_path / "train" / TENCH).mkdir(parents=True)
    (tmp_path / "val").mkdir()
    mapping(tmp_path / "LOC_synset_mapping.txt")

    assert problem(lambda: open_data(tmp_path, "train")).code == "no_photographs"
    assert problem(lambda: open_data(tmp_path, "validation")).code == "no_photographs"
    assert problem(lambda: open_data(tmp_path, "test")).code == "no_split"


# How a photograph is prepared


def smooth(width: int, height: int) -> Image.Image:
    """A photograph that differs everywhere and that JPEG keeps well."""
    coarse = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def saved(root: Path, photograph: Image.Image, **options: Any) -> Path:
    place = root / "train" / TENCH / "one.JPEG"
    place.parent.mkdir(parents=True)
    mapping(root / "LOC_synset_mapping.txt")
    chosen: dict[str, Any] = {"format": "JPEG", "quality": 95} | options
    photograph.save(place, **chosen)
    return place


def as_painted(place: Path) -> NDArray[np.uint8]:
    """The photograph that players see."""
    with Image.open(BytesIO(prepare(place, Limits()))) as opened:
        return np.asarray(opened)


def turned(quarter: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = quarter
    return exif


@pytest.mark.parametrize(
    ("photograph", "options"),
    [
        (smooth(500, 375), {}),
        (smooth(257, 700), {}),
        (smooth(256, 256), {}),
        (smooth(2300, 1100), {}),
        (smooth(500, 375), {"exif": turned(6)}),
        (smooth(500, 375), {"exif": b"Exif\0\0nonsense"}),
        (smooth(500, 375).convert("L"), {}),
        (smooth(500, 375).convert("CMYK"), {}),
        (smooth(500, 375), {"format": "PNG", "quality": None}),
    ],
    ids=["wide", "tall", "whole", "large", "turned", "odd exif", "grey", "cmyk", "png"],
)
def test_it_is_the_photograph_that_maps_were_painted_on(
    tmp_path: Path, photograph: Image.Image, options: dict[str, Any]
) -> None:
    place = saved(tmp_path, photograph, **options)

    (found,) = samples(tmp_path)

    assert found.image.dtype == np.uint8
    assert found.image.shape == (256, 256, 3)
    # Players see it saved as a JPEG of quality 95 once more.
    off = np.abs(found.image.astype(int) - as_painted(place))
    assert off.mean() < 1.5
    assert np.percentile(off, 99) <= 6


@pytest.mark.parametrize("size", [(1100, 2300), (300, 280)])
def test_but_for_that_saving_it_has_the_same_bits(tmp_path: Path, size: tuple[int, int]) -> None:
    place = saved(tmp_path, smooth(*size))
    side, (width, height) = min(size), size
    with Image.open(place) as opened:
        box = ((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2)
        wanted = opened.crop(box).resize((256, 256), Image.Resampling.LANCZOS)

    (found,) = samples(tmp_path)

    np.testing.assert_array_equal(found.image, np.asarray(wanted))


def test_the_crop_is_the_centre(tmp_path: Path) -> None:
    pixels = np.zeros((256, 512, 3), np.uint8)
    pixels[:, 128:384] = 255
    saved(tmp_path, Image.fromarray(pixels))

    (found,) = samples(tmp_path)

    assert found.image[:, 8:-8].min() > 250


def test_a_small_photograph_is_scaled_up(tmp_path: Path) -> None:
    saved(tmp_path, smooth(120, 90))

    (found,) = samples(tmp_path)

    assert found.image.shape == (256, 256, 3)
    wanted = np.asarray(smooth(120, 90).crop((15, 0, 105, 90)).resize((256, 256), Image.Resampling.LANCZOS))
    assert np.abs(found.image.astype(int) - wanted).mean() < 2


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    place = saved(tmp_path, smooth(300, 300))
    header = b"IHDR" + struct.pack(">II5B", 8001, 8000, 8, 2, 0, 0, 0)
    place.write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )  # fmt: skip

    with pytest.raises(Damaged, match=f"{TENCH}/one.JPEG: 8001x8000 px are more than 64,000,000 pixels"):
        samples(tmp_path)


@pytest.mark.parametrize("share", [0, 0.1, 0.9])
def test_a_photograph_that_is_cut_short_is_named(tmp_path: Path, share: float) -> None:
    place = saved(tmp_path, smooth(300, 300))
    whole = place.read_bytes()
    place.write_bytes(whole[: int(share * len(whole))])

    with pytest.raises(Damaged, match=f"^{TENCH}/one.JPEG cannot be decoded: "):
        samples(tmp_path)


def test_a_photograph_that_has_gone_is_named(tmp_path: Path) -> None:
    place = saved(tmp_path, smooth(300, 300))
    photographs = open_data(tmp_path, "train")
    place.unlink()

    with pytest.raises(Damaged, match=f"^{TENCH}/one.JPEG cannot be decoded: "):
        photographs[0]


def test_the_challenge_s_own_photographs(shared_data: Path) -> None:
    photographs = open_data(shared_data / "ilsvrc-sample", "train")

    assert (len(photographs), photographs.classes) == (200, 200)
    for number in range(0, 200, 9):
        found = photographs[number]
        assert found.label == LABELS[found.image_id[:9]]
        assert found.image.std() > 5
