"""Tables: who plays."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from clickme.kit.tables import UTC_TIME, Table


class Player(Table):
    """A guest: no e-mail, no password, a name that was made for them."""

    __tablename__ = "players"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    consent_version: Mapped[str]
    consented_at: Mapped[datetime] = mapped_column(UTC_TIME, server_default=func.now())
    banned_at: Mapped[datetime | None] = mapped_column(UTC_TIME)  # their rounds are in no data set
    points: Mapped[float] = mapped_column(default=0.0, index=True)  # the sum over the rounds, each in [0, 1]
