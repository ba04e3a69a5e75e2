"""A photograph with its map, alone and in a batch, and whoever has many of them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clickme.maps import Reliability

Annotation = Literal["maps", "boxes"]  # boxes are the control of the paper's Table 3


class Sample(NamedTuple):
    """A photograph to learn from."""

    name: str  # its record or its path, for people
    image_id: str  # "n01440764/n01440764_10026.JPEG"
    image: NDArray[np.uint8]  # [256, 256, 3], RGB
    map: NDArray[np.float32] | None  # [256, 256], in the data set's own unit
    label: int  # 0 to 999, in the order of ILSVRC12
    n_players: int  # who painted it; 0 where there is no map


class Batch(NamedTuple):
    """Photographs of one size, on the CPU. Those that could not be decoded are named and not among the N."""

    images: Tensor  # uint8 [N, 3, S, S], RGB; in memory the channels come last
    maps: Tensor  # float32 [N, S, S], zero where there is none
    has_map: Tensor  # bool [N]
    labels: Tensor  # int64 [N]
    left_out: tuple[str, ...]  # sentences: which photographs, and why


class Photographs(Protocol):
    """Photographs in a fixed order, any of which can be had at once. Processes may each have a copy."""

    @property
    def left_out(self) -> Sequence[str]:
        """What was found missing or wrong when it was opened, and is not among them: sentences."""
        ...

    @property
    def unreadable(self) -> int:
        """How many photographs those sentences are about; none where only a map is lost."""
        ...

    @property
    def with_maps(self) -> int:
        """How many have a map."""
        ...

    @property
    def classes(self) -> int:
        """How many different labels there are."""
        ...

    @property
    def reliability(self) -> Reliability | None:
        """How far the players agree, as the data set has it; None if no two painted the same photograph."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Sample:
        """The `number`-th, from 0. `Damaged`, with its name, if it cannot be decoded."""
        ...
