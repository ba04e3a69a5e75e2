"""What crosses the wire about players."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from clickme.players.consent import CONSENT


class ConsentResponse(BaseModel):
    """`text` is plain: paragraphs with an empty line between them."""

    version: str
    title: str
    text: str


class SignUp(BaseModel):
    """`consent` is the version that was agreed to: only the one in force will do."""

    model_config = ConfigDict(extra="forbid")

    consent: Annotated[str, Field(json_schema_extra={"const": CONSENT.version})]


class PlayerResponse(BaseModel):
    player: int
    name: str


class MeResponse(BaseModel):
    """`total` is the sum of one's points, each round's in [0, 1]; `rank` is 1 for the first."""

    player: int
    name: str
    total: float
    rank: int
