"""The older TFRecord schema, read as gala_tpu reads it: raw floats out of a tf.train.Example."""

import io
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from clickme.export.formats import Damaged
from clickme.export.formats.example import encode_example, write_record
from clickme.export.formats.raw import RawTFRecord
from export.formats.made import heatmap, jpeg, per_player, three, without_images, written

Cut = Callable[[bytes], list[bytes]]
Decode = Callable[[bytes], dict[str, list[Any]]]


@pytest.mark.parametrize("scale", [1, 255])
def test_every_value_by_an_independent_reader(cut: Cut, decode: Decode, scale: Literal[1, 255]) -> None:
    first = decode(cut(written(RawTFRecord(image_scale=scale), three()))[0])

    with Image.open(io.BytesIO(jpeg(99))) as opened:
        pixels = np.asarray(opened).astype(np.float64) * scale / 255
    image = np.frombuffer(first.pop("image")[0], "<f4").reshape(256, 256, 3)
    np.testing.assert_allclose(image, pixels, rtol=1e-6)
    map_ = np.frombuffer(first.pop("heatmap")[0], "<f4").reshape(256, 256)
    np.testing.assert_array_equal(map_, heatmap(3, 0.5).astype(np.float32))
    assert first == {
        "label": [0],
        "click_count": [6],
        "bbox": [83, 93, 112, 128],
        "n_players": [2],
        "image_id": [b"n01440764/n01440764_3.JPEG"],
        "wnid": [b"n01440764"],
    }


def test_pixels_in_0_to_255_are_whole_numbers(cut: Cut, decode: Decode) -> None:
    first = decode(cut(written(RawTFRecord(image_scale=255), three()))[0])

    with Image.open(io.BytesIO(jpeg(99))) as opened:
        np.testing.assert_array_equal(np.frombuffer(first["image"][0], "<f4"), np.asarray(opened).ravel())


def test_no_image_and_a_player(cut: Cut, decode: Decode) -> None:
    found = [decode(data) for data in cut(written(RawTFRecord(), without_images(per_player(three()))))]

    assert [example["player"] for example in found] == [[0], [1]] * 3
    assert not any("image" in example for example in found)


def test_a_map_of_another_size_is_refused() -> None:
    features = RawTFRecord().features(three()[0])
    file = io.BytesIO()
    write_record(file, encode_example({**features, "heatmap": bytes(4 * 224 * 224)}))
    file.seek(0)

    with pytest.raises(Damaged, match="record 0"):
        list(RawTFRecord().read(file, "train"))
