"""The bundled photographs as a partner meets them, and how many photographs a partner names."""

from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.catalogue.demo import demo_photographs
from clickme.catalogue.prepare import prepare
from clickme.settings import Limits
from clickme_partner.looks import Looker
from clickme_partner.registry import Measured
from clickme_partner.view import centre

BATCH: Final = 8  # views in one pass: more would be no quicker on few cores, and take more memory


def bundled() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bundled photographs as the game shows them, and their classes.

    Photographs are uint8 [31, 256, 256, 3] RGB, classes int64 [31], 0-based, in the catalogue's order.
    """
    sources = demo_photographs()
    photographs = np.stack([pixels(prepare(source.path, Limits())) for source in sources])
    return photographs, np.array([source.class_index for source in sources], np.int64)


def pixels(jpeg: bytes) -> NDArray[np.uint8]:
    """A prepared photograph's: uint8 [256, 256, 3] RGB."""
    with Image.open(BytesIO(jpeg)) as photograph:
        return np.asarray(photograph)


def whole(photographs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Views of `photographs` uint8 [N, 256, 256, 3] that are painted all over: uint8 [N, 224, 224, 3]."""
    return np.stack([centre(photograph) for photograph in photographs])


def score(looker: Looker, photographs: NDArray[np.uint8], classes: NDArray[np.integer]) -> Measured:
    """How many `photographs` uint8 [N, 256, 256, 3] the partner names, painted all over.

    `classes` is int [N]; `named` says what counts. Raises PartnerError as the looker does.
    """
    views = whole(photographs)
    logits = [looker.logits(views[start : start + BATCH]) for start in range(0, len(views), BATCH)]
    return named(np.concatenate(logits), classes)


def named(logits: NDArray[np.float32], classes: NDArray[np.integer]) -> Measured:
    """Of whole photographs, how many the partner names: first, and among its first five.

    `logits` is float32 [N, 1000], `classes` int [N]. Only the very class counts, as in published figures:
    synonyms, which the game lets pass, do not.
    """
    # Stable: equal beliefs come in class order, on every machine.
    first_five = np.argsort(-logits, axis=1, kind="stable")[:, :5]
    right = first_five == np.asarray(classes)[:, None]
    return Measured(len(logits), top1=int(right[:, 0].sum()), top5=int(right.any(axis=1).sum()))
