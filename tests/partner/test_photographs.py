"""The photographs that are kept decoded."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clickme_partner.errors import PartnerError
from clickme_partner.photographs import Photographs


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    file = tmp_path / "photograph.png"
    pixels = np.random.default_rng(5).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    return file


def test_a_scene_is_the_middle_of_a_photograph(photograph: Path) -> None:
    scene = Photographs().scene(photograph, "black")
    with Image.open(photograph) as image:
        assert np.array_equal(scene.centre, np.asarray(image)[16:240, 16:240])
    assert not scene.ground.any()


def test_it_is_read_once_and_again_only_when_others_took_its_place(photograph: Path) -> None:
    photographs = Photographs(most=2)
    scene = photographs.scene(photograph, "mean")
    photograph.write_bytes(b"damaged")
    assert photographs.scene(photograph, "mean") is scene  # what is kept is sound
    for name in ("a", "b"):
        other = photograph.with_name(f"{name}.png")
        Image.new("RGB", (256, 256)).save(other)
        photographs.scene(other, "mean")
    with pytest.raises(PartnerError):
        photographs.scene(photograph, "mean")


@pytest.mark.parametrize("damage", [None, b"", b"not a photograph", "cut", "small"])
def test_a_damaged_one_is_said_so_and_counts_again_once_it_is_put_right(
    photograph: Path, damage: bytes | str | None
) -> None:
    sound = photograph.read_bytes()
    match damage:
        case None:
            photograph.unlink()
        case "cut":
            photograph.write_bytes(sound[: len(sound) // 2])
        case "small":
            Image.new("RGB", (255, 256)).save(photograph)
        case bytes():
            photograph.write_bytes(damage)
    photographs = Photographs()
    with pytest.raises(PartnerError) as error:
        photographs.scene(photograph, "mean")
    assert error.value.code == "photograph_damaged"
    assert photograph.name in error.value.message
    photograph.write_bytes(sound)
    assert photographs.scene(photograph, "mean").centre.shape == (224, 224, 3)
