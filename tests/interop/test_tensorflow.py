"""TFRecords through TensorFlow: Harmonization's contract, gala_tpu's, and TensorFlow Datasets."""

from pathlib import Path

import numpy as np
import pytest

from interop.readers import (
    SPLITS,
    Everything,
    blurred,
    by_photograph,
    gala_tpu,
    harmonization,
    harmonized,
    hugging_face,
    image_ids,
    ndjson,
    records,
    sharp,
)
from interop.readers import tfds as read_tfds


@pytest.fixture(scope="module")
def seen(exports: Path) -> Everything:
    return read_tfds(exports / "tfrecord")


def test_harmonization_reads_the_default_schema(exports: Path, seen: Everything) -> None:
    files = sorted((exports / "tfrecord").glob("clickme-*.tfrecord-*"))
    ids = image_ids(files)

    assert len(ids) == len(seen) > 20
    for image_id, found in zip(ids, records(files, harmonization), strict=True):
        assert found["label"] == seen[image_id].label
        np.testing.assert_array_equal(found["image"], seen[image_id].image)
        np.testing.assert_array_equal(found["heatmap"][..., 0], seen[image_id].heatmap)
    for found in records(files, lambda serialized: harmonized(harmonization(serialized))):
        assert found["image"].shape == (224, 224, 3)
        assert found["heatmap"].shape == (224, 224, 1)
        assert found["image"].dtype == found["heatmap"].dtype == np.float32
        assert 0 < found["heatmap"].max() <= 255


@pytest.mark.parametrize(("name", "white"), [("raw-1", 1), ("raw-255", 255)])
def test_gala_tpu_reads_the_raw_schema(exports: Path, name: str, white: int) -> None:
    # TensorFlow decodes JPEG in haste, and some pixels come out otherwise than by Pillow, which made these.
    seen = hugging_face(exports / "parquet")
    for split in SPLITS:
        files = sorted((exports / name).glob(f"{split}-*-of-*"))
        for image_id, found in zip(image_ids(files), records(files, gala_tpu), strict=True):
            expected = seen[image_id]
            assert expected.image is not None
            assert found["image"].dtype == found["heatmap"].dtype == np.float32
            np.testing.assert_allclose(found["image"], expected.image * (white / 255), rtol=1e-6)
            assert found["label"] == expected.label
            assert found["click_count"] == expected.click_count
            assert split == expected.split


def test_raw_maps_are_the_strokes_unblurred_and_bbox_holds_them(exports: Path) -> None:
    strokes = by_photograph(ndjson(exports / "ndjson"))
    files = sorted((exports / "raw-1").glob("*-of-*"))

    for image_id, found in zip(image_ids(files), records(files, gala_tpu), strict=True):
        expected = sharp(strokes[image_id])
        y0, x0, y1, x1 = found["bbox"]
        assert np.array_equal(found["heatmap"][..., 0], expected.astype(np.float32))
        assert np.count_nonzero(expected[y0:y1, x0:x1]) == np.count_nonzero(expected)
        assert all(
            edge.any() for edge in (expected[y0], expected[y1 - 1], expected[:, x0], expected[:, x1 - 1])
        )


def test_raw_maps_can_be_blurred_like_the_others(exports: Path) -> None:
    strokes = by_photograph(ndjson(exports / "ndjson"))

    for image_id, found in read_tfds(exports / "raw-255").items():
        np.testing.assert_allclose(found.heatmap, blurred(sharp(strokes[image_id])), atol=1e-6)


def test_tfds_reads_maps_of_players(exports: Path) -> None:
    import tensorflow_datasets

    builder = tensorflow_datasets.builder_from_directory(exports / "tfrecord-players")
    found = [
        (split, record["image_id"].decode(), int(record["player"]), int(record["click_count"]))
        for split in builder.info.splits
        for record in builder.as_dataset(split=split).as_numpy_iterator()
    ]

    rounds = ndjson(exports / "ndjson")
    expected = [(played.split, played.image_id, played.player, len(played.xy)) for played in rounds]
    assert sorted(found) == sorted(expected)
    assert builder.info.splits.total_num_examples == len(expected)


def test_tfds_reads_maps_without_photographs(exports: Path, seen: Everything) -> None:
    found = read_tfds(exports / "tfrecord-no-images")

    assert found.keys() == seen.keys()
    for image_id, each in found.items():
        assert each.image is None
        assert np.array_equal(each.heatmap, seen[image_id].heatmap)


def test_tfds_keeps_what_only_clickme_says(exports: Path) -> None:
    """Unknown keys would be refused: ours are a Struct among the schema's extra metadata."""
    import tensorflow_datasets
    from google.protobuf.struct_pb2 import Struct

    builder = tensorflow_datasets.builder_from_directory(exports / "tfrecord")
    ours = Struct()
    [extra] = builder.info.as_proto.schema.annotation.extra_metadata

    assert extra.Unpack(ours)
    assert ours["format"] == "tfrecord"
    assert ours["recipe"]["sigma"] == 28
    assert builder.info.redistribution_info.license == "CC-BY-4.0"
    assert "Linsley" in builder.info.citation
