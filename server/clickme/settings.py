"""Every setting, in one place: `CLICKME_*` in the environment, or the default beside it here."""

from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from clickme_partner.view import Fill


class Limits(BaseSettings):
    """How much of anything one address, socket or file may ask for."""

    model_config = SettingsConfigDict(env_prefix="CLICKME_LIMIT_")

    sign_ups: str = "60/minute"  # per address
    body_bytes: int = 64 * 1024  # of an HTTP request
    frame_bytes: int = 16 * 1024  # a larger frame gets an error, and the socket lives on
    frame_bytes_hard: int = 2 * 1024 * 1024  # a larger one closes the socket before it is read
    frames: int = 60  # per socket and second; the page sends about ten
    socket_errors: int = 100  # per socket and minute, then it is closed
    source_file_bytes: int = 100 * 1024 * 1024  # of a photograph to be prepared
    source_pixels: int = 100_000_000  # of a photograph to be prepared: 10,000 x 10,000


class Settings(BaseSettings):
    """What a command or a server needs to know before it starts."""

    model_config = SettingsConfigDict(env_prefix="CLICKME_")

    home: Path = Path(platformdirs.user_data_dir("clickme"))
    database_url: str | None = None  # none: an embedded Postgres in the home
    redis_url: str | None = None  # none: an embedded Valkey in the home
    secret_key: SecretStr | None = None  # signs sessions; none: made once and kept in the home
    cache: Path = Path(platformdirs.user_cache_dir("clickme"))  # downloads shared by all homes of a user
    partner_url: SecretStr | None = None  # a server of the Open Inference Protocol; none: the home's partner
    fill: Fill = "mean"  # what the partner sees where nothing is painted, in rounds dealt from now on
    top_k: int = Field(5, ge=1, le=1000)  # recognised: the label is among so many of its guesses
    host: str = "127.0.0.1"
    port: int = 8765
    limits: Limits = Limits()
