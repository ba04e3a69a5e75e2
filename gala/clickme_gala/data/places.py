"""Where each record of a shard lies, so that any of them can be read alone and in any order.

A piece of a TFRecord file that holds one record is a TFRecord file, and the members of one record are a tar
archive but for its end. So what reads whole files reads single records.
"""

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import unpack_from
from typing import BinaryIO, NamedTuple, Protocol

from clickme.export.formats import Damaged, Format
from clickme.export.formats.example import masked_crc
from clickme.export.formats.parquet import count_groups, read_group, record_at
from clickme.export.record import Record

HEAD, TAIL = 12, 4  # bytes before and after the data of a TFRecord's record: its length and two checksums
END = bytes(1024)  # of a tar archive


class Place(NamedTuple):
    """Where a record is in its shard."""

    start: int  # the byte that it begins with; in Parquet, its row group
    length: int  # bytes; in Parquet, its row in that group


Found = tuple[Place, Record | Damaged]


class Layout(Protocol):
    """How to find the records of a shard, and how to read one of them."""

    def scan(self, file: BinaryIO, split: str) -> Iterator[Found]:
        """Each record, or what is wrong with it, and its place. `Damaged` if the rest is lost."""
        ...

    def read(self, file: BinaryIO, place: Place, split: str) -> Record:
        """The record in a place. `Damaged`."""
        ...


def layout_of(known: Format) -> Layout | None:
    """The layout of a format; None if its records cannot be read one by one."""
    match known.name:
        case "tfrecord":
            return Pieces(known, tfrecord_places)
        case "webdataset":
            return Pieces(known, tar_places, END)
        case "parquet":
            return Groups()
        case _:
            return None


@dataclass(frozen=True)
class Pieces:
    """A record is a piece of the file, which with `end` after it is a whole file of the same format."""

    known: Format
    places: Callable[[BinaryIO], Iterator[Place]]
    end: bytes = b""

    def scan(self, file: BinaryIO, split: str) -> Iterator[Found]:
        for place in self.places(file):
            after = file.tell()
            try:
                yield place, self.read(file, place, split)
            except Damaged as damaged:
                yield place, damaged
            file.seek(after)

    def read(self, file: BinaryIO, place: Place, split: str) -> Record:
        file.seek(place.start)
        piece = io.BytesIO(file.read(place.length) + self.end)
        for record in self.known.read(piece, split):
            return record
        raise Damaged("record 0 is not there: the file was changed")


def tfrecord_places(file: BinaryIO) -> Iterator[Place]:
    """The records of a TFRecord file by the lengths before them. `Damaged` at a length that is none."""
    start = 0
    while head := file.read(HEAD):
        if len(head) < HEAD or masked_crc(head[:8]) != head[8:]:
            raise Damaged(f"at byte {start} there is no whole record: it is truncated or was changed")
        length = HEAD + unpack_from("<Q", head)[0] + TAIL
        yield Place(start, length)
        start += length
        file.seek(start)


def tar_places(file: BinaryIO) -> Iterator[Place]:
    """The members of a tar archive that share a key. `Damaged` where one is cut short."""
    start, last = 0, None
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
            for member in archive:
                if last is not None and key_of(member.name) != last:
                    yield Place(start, member.offset - start)
                    start = member.offset
                last = key_of(member.name)
            if last is not None:
                yield Place(start, archive.offset - start)
    except (tarfile.TarError, ValueError) as error:
        raise Damaged(f"from byte {start} on, it is truncated or was changed: {error}") from None


def key_of(name: str) -> str:
    """What the files of a record have in common: the name up to the first dot after the last slash."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


@dataclass(frozen=True)
class Groups:
    """A record is a row of a row group, which is read whole: some 3 MB."""

    def scan(self, file: BinaryIO, split: str) -> Iterator[Found]:
        for number in range(count_groups(file)):
            group = read_group(file, number)
            for row in range(group.num_rows):
                try:
                    yield Place(number, row), record_at(group, row, split)
                except Damaged as damaged:
                    yield Place(number, row), damaged

    def read(self, file: BinaryIO, place: Place, split: str) -> Record:
        return record_at(read_group(file, place.start), place.length, split)
