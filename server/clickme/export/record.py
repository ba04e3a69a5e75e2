"""One photograph as one record: what its rounds say of it, under the keys that readers know."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme import maps
from clickme.export.painted import Painted
from clickme.export.tfrecord import encode_example


def encode_record(photograph: Painted, jpeg: bytes) -> bytes:
    """The tf.train.Example of one photograph. `jpeg` is its file, 256x256 RGB, passed on untouched.

    | key | value |
    |---|---|
    | `image` | bytes: JPEG, 256x256x3 |
    | `heatmap` | bytes: grey-scale PNG, 256x256x1: the blurred map, scaled so that its maximum is 255 |
    | `label` | int64: the class, 0-based |
    | `click_count` | int64: bubbles in all the rounds that count |
    | `n_players` | int64: players whose maps were averaged |
    | `image_id` | bytes: the photograph's path in the challenge's own layout |
    | `wnid` | bytes: the synset of the class |
    | `bbox` | int64 [4]: y0 x0 y1 x1 of what was painted, before the blur; y1 and x1 exclusive |

    The first three are what Harmonization's `clickme_dataset` reads; its decode_jpeg takes the PNG as well.
    """
    sharp = maps.photograph_map(
        maps.player_map(strokes.bubbles, bubble=strokes.bubble) for strokes in photograph.strokes
    )
    return encode_example(
        {
            "image": jpeg,
            "heatmap": grey_png(maps.blur(sharp)),
            "label": [photograph.class_index],
            "click_count": [sum(len(strokes.bubbles) for strokes in photograph.strokes)],
            "n_players": [len(photograph.strokes)],
            "image_id": photograph.source_path.encode(),
            "wnid": photograph.wnid.encode(),
            "bbox": maps.extent(sharp),
        }
    )


def grey_png(heat: NDArray[np.float64]) -> bytes:
    """A map as a grey-scale PNG of 8 bits: divided by its maximum, times 255, rounded half to even."""
    grey = np.rint(heat / heat.max() * 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()
