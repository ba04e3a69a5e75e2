"""A home with photographs to play with, and nothing else."""

import secrets
from io import BytesIO
from typing import Final

import numpy as np
from PIL import Image

from clickme.catalogue.models import Image as Photograph
from clickme.catalogue.service import seed_categories
from clickme.catalogue.store import keep
from clickme.kit.house import House

from .stub import NAMED

PHOTOGRAPHS: Final = 1_000  # more than anybody paints meanwhile
UNNAMED: Final = 7  # the class of those that the stub does not know


def fill(house: House) -> None:
    """Half of one class, half of another; soft colours, in files about as large as those of photographs."""
    with house.database.transaction() as session:
        seed_categories(session)
        for number in range(PHOTOGRAPHS):
            sha256 = keep(house.home.photographs, jpeg(number))
            session.add(
                Photograph(
                    class_index=UNNAMED if number % 2 else NAMED,
                    sha256=sha256,
                    source_sha256=sha256,
                    source_path=f"{number}.jpg",
                    lot=secrets.randbits(63),
                )
            )


def jpeg(number: int) -> bytes:
    """The photograph of this number, 256x256 px."""
    colours = np.random.default_rng(number).integers(0, 256, (48, 48, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(colours).resize((256, 256), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()
