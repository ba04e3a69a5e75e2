"""The formats of a data set, one module each behind one small interface."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

from clickme.export.record import Record


class Format(Protocol):
    """How records lie in a file. A format holds maps, or the strokes that they are made of."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""
        ...

    @property
    def has_images(self) -> bool:
        """Whether there is room for the photographs."""
        ...

    @property
    def has_maps(self) -> bool:
        """Whether it holds maps; if not, it holds strokes."""
        ...

    def file_name(self, split: str, number: int, of: int) -> str:
        """Where the `number`-th of `of` files of a split lies, from 0, below the data set's folder."""
        ...

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        """Write a whole file: `file` is new, open for reading and writing. Equal records give equal bytes.

        One record is in memory at a time, or a few, where the format does not say otherwise.
        """
        ...

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        """The records of a file, in the order they were written. `Damaged` if it is not one."""
        ...


class Damaged(Exception):
    """A file that is not what it should be: truncated, changed, or of another kind. Says where and what."""
