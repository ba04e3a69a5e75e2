"""HDF5 as the ClickMe 2 pipeline writes its maps: one group for each photograph."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from clickme.export.formats import Damaged
from clickme.export.record import Record
from clickme.maps import SIZE


@dataclass(frozen=True)
class HDF5:
    """| place | holds |
    |---|---|
    | `clickmaps/NAME/clickmap` | float32 [1, 256, 256]: the map, in its own unit |
    | `click_counts/NAME` | int64: bubbles in all the rounds that count |
    | `metadata` | attributes `total_unique_images`, `total_maps` and `filter_duplicates` of this file |

    NAME is the photograph's path with _ for each /, and `_player3` behind it where maps are per player; `_2`,
    `_3`, ... follow where two would be the same. Only ClickMe 2's date of creation is left out: it would make
    every file another.

    The group `clickmaps/NAME` has further attributes: `image_id`, `label` (int64, 0-based), `wnid`,
    `n_players`, `click_count`, `bbox` (int64 [4]: y0 x0 y1 x1 of what was painted, before the blur; y1 and x1
    exclusive), and `player` if any. Groups are in the order of the records.

    A whole file is in memory until it is written, some 110 kB a map: HDF5 crashes, and Python with it, where
    it is let write by itself and the disk is full.
    """

    name: str = "hdf5"
    has_images: bool = False
    has_maps: bool = True

    def file_name(self, split: str, number: int, of: int) -> str:
        return f"clickme-{split}-{number:05}-of-{of:05}.h5"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        import h5py

        made = io.BytesIO()
        # The structures of HDF5 1.10 have checksums, and any h5py of today reads them.
        with h5py.File(made, "w", libver=("v110", "v110")) as archive:
            maps = archive.create_group("clickmaps", track_order=True)
            counts = archive.create_group("click_counts")
            photographs: set[str] = set()
            players = 0
            for record in records:
                _write(record, maps, counts)
                photographs.add(record.image_id)
                players += record.n_players
            about = archive.create_group("metadata").attrs
            about["total_unique_images"] = len(photographs)
            about["total_maps"] = players
            about["filter_duplicates"] = np.bytes_("True")  # nobody paints a photograph twice
        file.write(made.getbuffer())

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        import h5py

        try:
            with h5py.File(file, "r") as archive:
                for name, group in archive["clickmaps"].items():
                    yield _record(name, group, split)
        except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise Damaged(
                f"the file is truncated, was changed, or is no HDF5 of this layout: {error!r}"
            ) from None


def _write(record: Record, maps: Any, counts: Any) -> None:
    assert record.heatmap is not None
    assert record.bbox is not None
    name = _free_name(record, maps)
    group = maps.create_group(name)
    # Smooth floats shuffled byte by byte are a fifth smaller, and that in less time.
    group.create_dataset(
        "clickmap",
        data=record.heatmap.astype("<f4").reshape(1, SIZE, SIZE),
        chunks=(1, SIZE, SIZE),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    counts.create_dataset(name, data=np.int64(record.click_count))
    values = {
        "image_id": _text(record.image_id),
        "label": record.label,
        "wnid": _text(record.wnid),
        "n_players": record.n_players,
        "click_count": record.click_count,
        "bbox": np.array(record.bbox, dtype=np.int64),
        "player": record.player,
    }
    for key, value in values.items():
        if value is not None:
            group.attrs[key] = value


def _text(text: str) -> Any:
    """A string of fixed length, in UTF-8: it lies in the group's header, which has a checksum.

    Of a string of variable length a changed byte can send HDF5 round in a loop for ever.
    """
    import h5py

    encoded = text.encode()
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", len(encoded)))


def _free_name(record: Record, taken: Any) -> str:
    name = record.image_id.replace("/", "_")
    if record.player is not None:
        name += f"_player{record.player}"
    candidate, number = name, 1
    while candidate in ("", ".") or candidate in taken:  # a dot is the group itself
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def _record(name: str, group: Any, split: str) -> Record:
    values = group.attrs
    y0, x0, y1, x1 = values["bbox"].tolist()
    return Record(
        split=split,
        image_id=values["image_id"].decode(),
        label=int(values["label"]),
        wnid=values["wnid"].decode(),
        n_players=int(values["n_players"]),
        click_count=int(values["click_count"]),
        bbox=(y0, x0, y1, x1),
        heatmap=group["clickmap"][...].reshape(SIZE, SIZE),
        player=int(values["player"]) if "player" in values else None,
    )
