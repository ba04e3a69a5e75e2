"""Today's readers of ClickMe data, each written from what it asks of a file: their contract, not their "
"code."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Seen:
    """What a reader has of one photograph."""

    split: str
    label: int
    click_count: int
    heatmap: NDArray[Any]  # [256, 256]: uint8 where it is a picture, else float32
    image: NDArray[np.uint8] | None = None  # [256, 256, 3]


Everything = dict[str, Seen]  # by image_id


# ---- TensorFlow ----


def harmonization(serialized: Any) -> dict[str, Any]:
    """As Harmonization decodes a record: the heatmap is grey, and decoded as JPEG whatever it is."""
    import tensorflow as tf

    text = tf.io.FixedLenFeature([], tf.string)
    keys = {"image": text, "heatmap": text, "label": tf.io.FixedLenFeature([], tf.int64)}
    found: dict[str, Any] = tf.io.parse_single_example(serialized, keys)
    return found | {
        "image": tf.reshape(tf.io.decode_jpeg(found["image"]), (256, 256, 3)),
        "heatmap": tf.reshape(tf.io.decode_jpeg(found["heatmap"]), (256, 256, 1)),
    }


def harmonized(found: dict[str, Any]) -> dict[str, Any]:
    """What it makes of that: float32 [224, 224, 3 and 1], the map blurred by 10x10 px, sigma 10."""
    import tensorflow as tf

    taps = np.exp(-((np.arange(10) - 4.5) ** 2) / (2 * 10**2))
    kernel = tf.constant(np.outer(taps, taps) / taps.sum() ** 2, tf.float32)[:, :, None, None]
    image, heatmap = (
        tf.image.resize(tf.cast(found[key], tf.float32), (224, 224)) for key in ("image", "heatmap")
    )
    blurred = tf.nn.depthwise_conv2d(heatmap[None], kernel, [1, 1, 1, 1], "SAME")[0]
    return found | {"image": image, "heatmap": blurred}


def gala_tpu(serialized: Any) -> dict[str, Any]:
    """As gala_tpu reads a record: raw little-endian floats. The lab's archive has the same, but for bbox."""
    import tensorflow as tf

    text, number = tf.io.FixedLenFeature([], tf.string), tf.io.FixedLenFeature([], tf.int64)
    keys = {
        "image": text,
        "heatmap": text,
        "label": number,
        "click_count": number,
        "bbox": tf.io.FixedLenFeature([4], tf.int64),
    }
    found: dict[str, Any] = tf.io.parse_single_example(serialized, keys)
    return found | {
        "image": tf.reshape(tf.io.decode_raw(found["image"], tf.float32), (256, 256, 3)),
        "heatmap": tf.reshape(tf.io.decode_raw(found["heatmap"], tf.float32), (256, 256, 1)),
    }


def records(files: list[Path], parse: Callable[[Any], Any]) -> Iterator[Any]:
    """Each record of TFRecord files, as `parse` has it, in NumPy arrays."""
    import tensorflow as tf

    yield from tf.data.TFRecordDataset([str(file) for file in files]).map(parse).as_numpy_iterator()


def image_ids(files: list[Path]) -> list[str]:
    """What no reader of today asks for, in the order of the records."""
    import tensorflow as tf

    key = {"image_id": tf.io.FixedLenFeature([], tf.string)}
    return [
        found["image_id"].decode()
        for found in records(files, lambda serialized: tf.io.parse_single_example(serialized, key))
    ]


def tfds(folder: Path) -> Everything:
    """TensorFlow Datasets, which decodes by features.json. Works for both schemas."""
    import tensorflow_datasets

    builder = tensorflow_datasets.builder_from_directory(folder)
    return {
        record["image_id"].decode(): Seen(
            split,
            int(record["label"]),
            int(record["click_count"]),
            record["heatmap"][..., 0],
            record.get("image"),
        )
        for split in builder.info.splits
        for record in builder.as_dataset(split=split).as_numpy_iterator()
    }


# ---- tables and archives ----


def webdataset(folder: Path) -> Everything:
    from webdataset import WebDataset, imagehandler

    seen = {}
    for split in SPLITS:
        files = [str(file) for file in sorted(folder.glob(f"clickme-{split}-*.tar"))]
        pictures = imagehandler("rgb8", ["jpg"]), imagehandler("l8", ["png"])
        for record in WebDataset(files, shardshuffle=False).decode(*pictures):
            about = record["json"]
            seen[about["image_id"]] = Seen(
                split, record["cls"], about["click_count"], record["heatmap.png"], record["jpg"]
            )
    return seen


def hugging_face(folder: Path) -> Everything:
    """datasets.load_dataset on the folder: splits, columns and pictures as it finds them by itself."""
    from datasets import load_dataset

    return {
        row["image_id"]: Seen(
            str(split),
            row["label"],
            row["click_count"],
            np.asarray(row["heatmap"]),
            np.asarray(row["image"]) if "image" in row else None,
        )
        for split, rows in load_dataset(str(folder)).items()
        for row in rows
    }


def hugging_face_webdataset(folder: Path) -> Everything:
    from datasets import load_dataset

    return {
        row["json"]["image_id"]: Seen(
            str(split),
            row["cls"],
            row["json"]["click_count"],
            np.asarray(row["heatmap.png"]),
            np.asarray(row["jpg"]),
        )
        for split, rows in load_dataset(str(folder)).items()
        for row in rows
    }


def croissant(folder: Path) -> Everything:
    """mlcroissant, on the rows of tables."""
    from mlcroissant import Dataset

    return {
        row["records/image_id"].decode(): Seen(
            row["records/split"].decode(),
            int(row["records/label"]),
            int(row["records/click_count"]),
            np.asarray(row["records/heatmap"]),
            np.asarray(row["records/image"]),
        )
        for row in Dataset(str(folder / "croissant.json")).records("records")
    }


# ---- ClickMe 2 ----


def clickme_2_maps(folder: Path) -> Everything:
    """The layout of ClickMe 2's maps; split and label are ours."""
    import h5py

    seen = {}
    for split in SPLITS:
        for place in folder.glob(f"clickme-{split}-*.h5"):
            with h5py.File(place) as file:
                for name, group in file["clickmaps"].items():
                    heatmap = group["clickmap"][()]
                    assert heatmap.shape == (1, 256, 256)
                    seen[group.attrs["image_id"].decode()] = Seen(
                        split, int(group.attrs["label"]), int(file["click_counts"][name][()]), heatmap[0]
                    )
    return seen


@dataclass(frozen=True)
class Round:
    """What one player painted on one photograph."""

    split: str
    image_id: str
    label: int
    player: int
    touch: bool
    xy: NDArray[np.int64]  # [n, 2]


def npz(folder: Path) -> list[Round]:
    """Raw clicks in the arrays of ClickMe 2, all of them."""
    rounds = []
    for split in SPLITS:
        for place in folder.glob(f"clickme-{split}-*.npz"):
            file = np.load(place, allow_pickle=True)
            names = ("file_pointer", "label", "user_id", "is_mobile", "clickmap_x", "clickmap_y")
            for image_id, label, player, mobile, x, y in zip(*(file[name] for name in names), strict=True):
                xy = np.stack([x, y], axis=1)
                rounds.append(Round(split, image_id, int(label), int(player), mobile[0], xy))
    return rounds


def clickme_2_clicks(place: Path) -> dict[str, list[tuple[list[int], list[int]]]]:
    """As ClickMe 2's pipeline reads clicks: lists of x and of y, by image.

    Those of players who passed their catch trials, but no mobiles; of each player and image the first.
    """
    file = np.load(place, allow_pickle=True)
    passed = file["user_catch_trial"] >= 0.95
    mobile = np.array([each[0] for each in file["is_mobile"]])
    columns = [
        file[name][passed & ~mobile] for name in ("file_pointer", "user_id", "clickmap_x", "clickmap_y")
    ]
    clicks, met = defaultdict(list), set()
    for image, player, x, y in zip(*columns, strict=True):
        if (image, player) not in met:
            met.add((image, player))
            clicks[image].append((x, y))
    return dict(clicks)


def ndjson(folder: Path) -> list[Round]:
    rounds = []
    for split in SPLITS:
        for place in folder.glob(f"clickme-{split}-*.ndjson"):
            for line in place.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                xy = np.array(row["xyt"])[:, :2]
                touch = row["pointer"] == "touch"
                rounds.append(Round(split, row["image_id"], row["label"], row["player"], touch, xy))
    return rounds


# ---- maps of strokes, the plain way ----


def sharp(rounds: list[Round]) -> NDArray[np.float64]:
    """The share of players who painted each pixel, by squares of 14 px."""
    painted = np.zeros((len(rounds), 256, 256), dtype=np.float64)
    for player, played in enumerate(rounds):
        for x, y in played.xy:
            painted[player, max(y - 7, 0) : y + 7, max(x - 7, 0) : x + 7] = 1
    shares: NDArray[np.float64] = painted.mean(axis=0)
    return shares


def blurred(heat: NDArray[np.float64]) -> NDArray[np.float64]:
    """49x49 px, sigma 28 px, zero outside."""
    from scipy.ndimage import gaussian_filter

    smooth: NDArray[np.float64] = gaussian_filter(heat, sigma=28, radius=24, mode="constant", cval=0)
    return smooth


def by_photograph(rounds: list[Round]) -> dict[str, list[Round]]:
    grouped = defaultdict(list)
    for played in rounds:
        grouped[played.image_id].append(played)
    return dict(grouped)
