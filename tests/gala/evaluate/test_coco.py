"""Photographs of COCO and the masks of their objects: painted by hand, and real ones."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clickme.export.formats import Damaged
from clickme.kit.problems import Problem
from clickme_gala.evaluate.coco import Objects
from gala.evaluate.made import coco, rectangle


def mask_of(objects: Objects, index: int = 0) -> NDArray[np.float32]:
    found = objects[index].map
    assert found is not None
    return found


def test_a_mask_is_cut_and_scaled_as_its_photograph(tmp_path: Path) -> None:
    # Of 640x512 px the square begins at 64 px; a half of it is left of what is scaled.
    objects = Objects(
        coco(tmp_path, [((640, 512), [rectangle(164, 100, 60, 40), rectangle(464, 500, 100, 12)])])
    )
    wanted = np.zeros((256, 256), np.float32)
    wanted[50:70, 50:80] = 1
    wanted[250:256, 200:250] = 1
    assert len(objects) == 1
    np.testing.assert_array_equal(mask_of(objects), wanted)
    found = objects[0]
    assert found.image.shape == (256, 256, 3)
    grey = [(64 + 2 * column + 0.5) * 255 / 640 for column in range(256)]
    np.testing.assert_allclose(found.image[100, 5:-5, 0], grey[5:-5], atol=3)
    assert found.image_id == "val2017/000000000000.jpg"


def test_crowds_are_no_outlines(tmp_path: Path) -> None:
    crowd = rectangle(0, 0, 256, 256, iscrowd=1)
    crowd["segmentation"] = {"size": [256, 256], "counts": [0, 256 * 256]}
    objects = Objects(
        coco(tmp_path, [((256, 256), [crowd, rectangle(0, 0, 10, 256)]), ((256, 256), [crowd])])
    )
    assert mask_of(objects).sum() == 10 * 256
    assert objects[1].map is None


def test_a_photograph_without_an_object_in_the_square_has_no_mask(tmp_path: Path) -> None:
    objects = Objects(coco(tmp_path, [((600, 256), [rectangle(0, 0, 150, 256)]), ((256, 256), [])]))
    assert objects[0].map is None and objects[1].map is None


def test_splits_that_are_there_are_taken(tmp_path: Path) -> None:
    one = [((256, 256), [rectangle(1, 1, 9, 9)])]
    coco(tmp_path, one, "train2017")
    coco(tmp_path, one * 2, "val2017")
    assert len(Objects(tmp_path)) == 3
    for photograph in (tmp_path / "train2017").iterdir():
        photograph.unlink()
    (tmp_path / "train2017").rmdir()
    assert len(Objects(tmp_path)) == 2  # COCO's annotations come for both, its photographs apart


def test_folders_that_are_no_coco(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"lacks annotations/instances_val2017\.json") as problem:
        Objects(tmp_path)
    assert problem.value.code == "no_coco"
    place = coco(tmp_path, []) / "annotations" / "instances_val2017.json"
    for text in ("[]", "{", '{"images": [{"id": 1}]}', '{"images": 3}'):
        place.write_text(text)
        with pytest.raises(Problem, match="cannot be read as annotations of COCO"):
            Objects(tmp_path)


def test_photographs_that_cannot_be_read(tmp_path: Path) -> None:
    instance = rectangle(20, 0, 99, 99)
    nonsense = instance | {"segmentation": [["1", None]]}
    objects = Objects(
        coco(tmp_path, [((300, 256), [one]) for one in (instance, instance, instance, nonsense)])
    )
    (tmp_path / "val2017" / "000000000000.jpg").unlink()
    (tmp_path / "val2017" / "000000000001.jpg").write_bytes(b"no photograph")
    Image.new("RGB", (50, 50)).save(tmp_path / "val2017" / "000000000002.jpg")
    for index in range(4):
        with pytest.raises(Damaged, match=f"00000000000{index}.jpg"):
            objects[index]


def test_real_annotations(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objects = Objects(shared_data / "coco-sample")
    assert len(objects) == 160
    samples = [objects[index] for index in range(0, 160, 16)]
    masks = [sample.map for sample in samples if sample.map is not None]
    assert len(masks) >= 8
    assert all(set(np.unique(mask)) <= {0, 1} and mask.shape == (256, 256) for mask in masks)
    assert 0.05 < np.mean(masks) < 0.95
    assert capsys.readouterr().out == ""
