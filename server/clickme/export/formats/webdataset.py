"""WebDataset: a tar archive in which the files of a record follow each other and share a key.

The layout is that of the webdataset library: the key is the name up to the first dot after the last slash.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from clickme.export.formats import Damaged
from clickme.export.formats.grey import decode_grey, encode_grey
from clickme.export.formats.rows import complaint
from clickme.export.record import Record

BLOCK = 512  # bytes; two blocks of zeros end an archive (POSIX.1-1988, ustar)


class Values(BaseModel):
    """What is said of a record in its `.json`. Keys that are not named here are left alone."""

    model_config = ConfigDict(strict=True)

    image_id: str
    wnid: str
    n_players: int  # whose maps were averaged
    click_count: int  # bubbles in all the rounds that count
    bbox: tuple[int, int, int, int]  # y0 x0 y1 x1 of what was painted, before the blur; y1 and x1 exclusive
    heatmap_max: float  # the map's maximum, in its own unit
    player: int | None = None  # whose map it is, where maps are per player


@dataclass(frozen=True)
class WebDataset:
    """| file | holds |
    |---|---|
    | `KEY.jpg` | the photograph, 256x256x3; absent where photographs are not passed on |
    | `KEY.heatmap.png` | the map, 256x256x1, 8 bits, scaled so that its maximum is 255 |
    | `KEY.cls` | the class in digits, 0-based |
    | `KEY.json` | `image_id`, `wnid`, `n_players`, `click_count`, `bbox`, `heatmap_max`, `player` if any |

    Nothing in the archive tells when or by whom it was made. A tar has checksums for names, but none for what
    is in the files: a changed photograph is found by the sha256 of the whole file only.
    """

    name: str = "webdataset"
    has_images: bool = True
    has_maps: bool = True

    def file_name(self, split: str, number: int, of: int) -> str:
        """A name for brace expansion: clickme-train-{000000..000320}.tar."""
        return f"clickme-{split}-{number:06}.tar"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive:
            for record in records:
                for ending, data in self._files(record):
                    member = tarfile.TarInfo(f"{key(record)}.{ending}")  # of mode 0644, of nobody, in 1970
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))

    def _files(self, record: Record) -> Iterator[tuple[str, bytes]]:
        assert record.heatmap is not None
        assert record.bbox is not None
        picture, peak = encode_grey(record.heatmap)
        values = Values(
            image_id=record.image_id,
            wnid=record.wnid,
            n_players=record.n_players,
            click_count=record.click_count,
            bbox=record.bbox,
            heatmap_max=peak,
            player=record.player,
        )
        if record.image is not None:
            yield "jpg", record.image
        yield "heatmap.png", picture
        yield "cls", str(record.label).encode()
        text = json.dumps(values.model_dump(exclude_none=True), ensure_ascii=False, separators=(",", ":"))
        yield "json", text.encode()

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        for number, files in enumerate(_samples(file)):
            try:
                record = _record(files, split)
            except (KeyError, ValueError) as error:
                raise Damaged(f"record {number} is not one of this layout: {complaint(error)}") from None
            yield record


def key(record: Record) -> str:
    """The photograph's path, its folders kept, and the player's number after an @ where maps are per player.

    Whatever is not a letter, a digit or one of `_-~` is percent-encoded (RFC 3986), dots too. So keys differ
    where photographs differ, and no name leaves the folder that the archive is unpacked in.
    """
    quoted = quote(record.image_id).replace(".", "%2E")
    quoted = re.sub("^/|(?<=/)/|/$", "%2F", quoted)  # a folder without a name would get lost
    return quoted if record.player is None else f"{quoted}@{record.player}"


def _samples(file: BinaryIO) -> Iterator[dict[str, bytes]]:
    """The files of each record by what follows the first dot of their names."""
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as archive:
            members = ((*_key_and_ending(member.name), member) for member in archive if member.isfile())
            for _, together in groupby(members, key=lambda found: found[0]):
                yield {ending: _content(archive, member) for _, ending, member in together}
            end = archive.offset
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise Damaged(f"the archive is truncated, was changed, or is no tar: {error}") from None
    file.seek(end)
    # tarfile takes a header that it cannot read for the end.
    if file.read(2 * BLOCK) != bytes(2 * BLOCK):
        raise Damaged(
            f"the archive is truncated or was changed: it has neither a file nor its end at byte {end}"
        )


def _key_and_ending(name: str) -> tuple[str, str]:
    folder, slash, base = name.rpartition("/")
    stem, _, ending = base.partition(".")
    return folder + slash + stem, ending


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    assert opened is not None
    return opened.read()


def _record(files: dict[str, bytes], split: str) -> Record:
    values = Values.model_validate_json(files["json"])
    return Record(
        split=split,
        image_id=values.image_id,
        label=int(files["cls"]),
        wnid=values.wnid,
        n_players=values.n_players,
        click_count=values.click_count,
        bbox=values.bbox,
        heatmap=decode_grey(files["heatmap.png"], values.heatmap_max),
        image=files.get("jpg"),
        player=values.player,
    )
