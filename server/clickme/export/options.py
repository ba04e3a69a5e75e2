"""What can be chosen for an export. The same options on the same database give the same bytes."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from clickme.export.formats import Format
from clickme.export.formats.known import format_of
from clickme.export.selection import Selection
from clickme.kit.problems import Problem
from clickme.maps import Recipe

PER_SHARD = 1024  # photographs: some 30 MB


@dataclass(frozen=True)
class Options:
    """How a data set is written. Problem `bad_options` for what does not go together."""

    format: str = "tfrecord"
    schema: Literal["default", "raw"] = "default"  # of tfrecord
    image_scale: Literal[1, 255] = 1  # of the raw schema: what white is
    images: Literal["embed", "none"] | None = None  # None: embedded where the format has room for them
    per_player: bool = False
    recipe: Recipe = field(default_factory=Recipe)
    selection: Selection = field(default_factory=Selection)
    split_by: Literal["photograph", "none"] = "photograph"
    per_shard: int = PER_SHARD
    licence: str | None = None  # of the maps and strokes

    def __post_init__(self) -> None:
        if self.schema == "raw" and self.format != "tfrecord":
            raise Problem("bad_options", "--schema raw is for --format tfrecord alone.")
        if self.image_scale != 1 and self.schema != "raw":
            raise Problem("bad_options", "--image-scale is for --schema raw alone.")
        if self.images == "embed" and not self.writer().has_images:
            raise Problem(
                "bad_options", f"--format {self.format} has no room for photographs: --images none."
            )

    @property
    def has_images(self) -> bool:
        return self.writer().has_images and self.images != "none"

    def writer(self) -> Format:
        """The format, ready to write and to read."""
        return format_of(self.format, self.schema, self.image_scale)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        chosen = asdict(self)
        for name in ("since", "until"):
            moment = getattr(self.selection, name)
            chosen["selection"][name] = moment.isoformat() if moment else None
        chosen["selection"]["pointers"] = list(self.selection.pointers)
        return chosen
