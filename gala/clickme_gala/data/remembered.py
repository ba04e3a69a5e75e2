"""Photographs that are decoded once, for small networks, which see them faster than they can be decoded."""

from collections.abc import Sequence

from clickme.maps import Reliability
from clickme_gala.data.sample import Photographs, Sample
from clickme_gala.data.views import scaled

# Bytes: at 256 px some 4,700 photographs with their maps, at 128 px some 19,000.
ROOM = 2 * 2**30


class Remembered:
    """Photographs at `size` px, each kept in the memory of this process, as many as there is room for."""

    def __init__(self, photographs: Photographs, size: int, room: int = ROOM) -> None:
        self.photographs, self.size, self.room = photographs, size, room
        self.kept: dict[int, Sample] = {}

    @property
    def left_out(self) -> Sequence[str]:
        return self.photographs.left_out

    @property
    def unreadable(self) -> int:
        return self.photographs.unreadable

    @property
    def with_maps(self) -> int:
        return self.photographs.with_maps

    @property
    def classes(self) -> int:
        return self.photographs.classes

    @property
    def reliability(self) -> Reliability | None:
        return self.photographs.reliability

    def __len__(self) -> int:
        return len(self.photographs)

    def __getitem__(self, number: int) -> Sample:
        """As the photographs give it, scaled as `View` would."""
        if number in self.kept:
            return self.kept[number]
        sample = scaled(self.photographs[number], self.size)
        size = sample.image.nbytes + (0 if sample.map is None else sample.map.nbytes)
        if size <= self.room:
            self.room -= size
            self.kept[number] = sample
        return sample
