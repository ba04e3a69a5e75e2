"""What crosses the wire in a game: the frames a browser sends, and what HTTP says of a round."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from clickme.game.rules import Bubble, Rules

MOST_BUBBLES = Rules().most_bubbles
RoundId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Frame(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Next(Frame):
    t: Literal["next"]


class Begin(Frame):
    t: Literal["begin"]
    round: RoundId
    pointer: Literal["mouse", "touch", "pen", "keyboard"]


class Bubbles(Frame):
    """`xyt` is flat: x, y in px of the photograph, t in ms since `begin`; `n` is the index of the first."""

    t: Literal["bubbles"]
    round: RoundId
    n: Annotated[int, Field(ge=0, le=MOST_BUBBLES)]
    xyt: Annotated[list[int], Field(min_length=3, max_length=3 * MOST_BUBBLES)]

    def bubbles(self) -> list[Bubble]:
        numbers = iter(self.xyt)
        return list(map(Bubble, numbers, numbers, numbers))


class Skip(Frame):
    t: Literal["skip"]
    round: RoundId


class Flag(Frame):
    t: Literal["flag"]
    round: RoundId
    reason: Literal["label", "quality", "other"]
    # Postgres keeps no NUL in a text.
    note: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] | None = None


class Resume(Frame):
    t: Literal["resume"]
    round: RoundId


AnyFrame = Next | Begin | Bubbles | Skip | Flag | Resume
FRAMES: dict[str, type[Frame]] = {
    "next": Next,
    "begin": Begin,
    "bubbles": Bubbles,
    "skip": Skip,
    "flag": Flag,
    "resume": Resume,
}
frame_of: TypeAdapter[AnyFrame] = TypeAdapter(Annotated[AnyFrame, Field(discriminator="t")])


class RoundResponse(BaseModel):
    """A player's own round. `points` in [0, 1]; times in UTC."""

    round: int
    category: str
    begun_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    recognised_ms: int | None
    points: float | None
    bubbles: int
