"""The plain way to the same files: what one writes who has the database, SciPy, Pillow and an afternoon.

Photograph by photograph, in one process: two queries, a loop over the bubbles, a blur of `scipy.ndimage`, a
picture by Pillow, a record. Hashes are not checked, nothing is resumed, and no statistics are made.
"""

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from clickme.catalogue.store import photograph_path
from clickme.export.formats.example import encode_example, write_record

SIZE, HALF = 256, 7  # px, of a photograph's side and of a bubble's
SIGMA, REACH = 28.0, 24  # px, of the blur; its kernel has 49x49 taps

Blur = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_bell = np.exp(-(np.arange(-REACH, REACH + 1.0) ** 2) / (2 * SIGMA**2))
KERNEL = np.outer(_bell, _bell) / _bell.sum() ** 2

PHOTOGRAPH = "SELECT sha256, class_index, source_path FROM images WHERE id = %s"
BUBBLES = """
SELECT round_id, x, y FROM bubbles JOIN rounds ON rounds.id = round_id
WHERE image_id = %s AND outcome IN ('recognised', 'timeout')
"""  # In any order: sorted, Postgres walks all rounds for every photograph, and this way takes twice as long.


def as_the_paper_says(sharp: NDArray[np.float64]) -> NDArray[np.float64]:
    """A convolution with a 49x49 kernel."""
    blurred: NDArray[np.float64] = ndimage.convolve(sharp, KERNEL, mode="constant")
    return blurred


def in_two_passes(sharp: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, as whoever knows that a Gaussian can be taken apart writes it."""
    blurred: NDArray[np.float64] = ndimage.gaussian_filter(sharp, SIGMA, radius=REACH, mode="constant")
    return blurred


def export(cursor: Any, photographs: Path, image_ids: Iterable[int], blur: Blur, file: BinaryIO) -> int:
    """Append the records of these photographs to `file`; gives the maps of players in them.

    `cursor` is psycopg2's, `photographs` the home's folder of prepared files.
    """
    maps = 0
    for image_id in image_ids:
        cursor.execute(PHOTOGRAPH, (image_id,))
        sha256, label, source_path = cursor.fetchone()
        cursor.execute(BUBBLES, (image_id,))
        players: dict[int, NDArray[np.float64]] = {}
        for round_id, x, y in cursor:
            if round_id not in players:
                players[round_id] = np.zeros((SIZE, SIZE))
            players[round_id][max(y - HALF, 0) : y + HALF, max(x - HALF, 0) : x + HALF] = 1
        heat = blur(np.mean([*players.values()], axis=0))
        png = io.BytesIO()
        Image.fromarray(np.rint(heat / heat.max() * 255).astype(np.uint8)).save(png, "PNG")
        example = encode_example(
            {
                "image": photograph_path(photographs, sha256).read_bytes(),
                "heatmap": png.getvalue(),
                "label": [label],
                "image_id": source_path.encode(),
            }
        )
        write_record(file, example)
        maps += len(players)
    return maps
