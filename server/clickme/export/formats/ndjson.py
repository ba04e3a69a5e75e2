"""NDJSON: a line of JSON for each round, with every bubble and its time."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from clickme.export.formats import Damaged
from clickme.export.formats.rows import Row, complaint, photographs, rows
from clickme.export.record import Record


@dataclass(frozen=True)
class NDJSON:
    """Each line is a JSON object in UTF-8, its keys in alphabetical order.

    | key | value |
    |---|---|
    | `image_id`, `label`, `wnid` | the photograph, its class (0-based), the synset of the class |
    | `player` | a number within this export, from 0 |
    | `outcome` | `recognised` or `timeout` |
    | `recognised_ms` | when the partner recognised it, in ms since the round began, or null |
    | `begun_at` | ISO 8601, UTC |
    | `pointer` | `mouse`, `touch`, `pen` or `keyboard` |
    | `contest` | its number, or null |
    | `rules` | the game's, as they were for this round |
    | `partner` | name@sha256 of the network that looked |
    | `xyt` | [[x, y, t], ...]: px of the 256x256 photograph, ms since the round began |

    Lines of one photograph follow each other and are read back as one record, even where they were written as
    a record for each player. Lines have no checksum: a file that ends after a whole line is a whole file.
    """

    name: str = "ndjson"
    has_images: bool = False
    has_maps: bool = False

    def file_name(self, split: str, number: int, of: int) -> str:
        return f"clickme-{split}-{number:05}-of-{of:05}.ndjson"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        for row in rows(records):
            line = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
            file.write(line.encode() + b"\n")

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        return photographs(_lines(file), split)


def _lines(file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if not line.endswith(b"\n"):
            raise Damaged(f"line {number} does not end: the file is truncated")
        try:
            row = Row.model_validate_json(line)
        except ValueError as error:
            raise Damaged(f"line {number} is not a round of this schema: {complaint(error)}") from None
        yield row
