"""Every setting, in one place: `CLICKME_*` in the environment, or the default beside it here."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from clickme_partner.view import Fill


def listed(value: object) -> object:
    """In the environment, a list is written `a, b`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(listed)]
Rate = Annotated[str, Field(pattern=r"^[1-9][0-9]*/(second|minute|hour|day)$")]
Most = Annotated[int, Field(ge=1)]


class Limits(BaseSettings):
    """Every limit: how much of anything one player, address, socket or file may ask for, and why so much.

    `CLICKME_LIMIT_*` in the environment. Rates and open sockets are counted in Redis, for all servers
    together; while it is away, people play uncounted and nobody logs in.
    """

    model_config = SettingsConfigDict(env_prefix="CLICKME_LIMIT_")

    # per address: an IPv4 address, or the /64 of an IPv6 address
    sign_ups: Rate = "60/minute"  # a lecture hall behind one address comes in within minutes
    log_ins: Rate = "10/minute"  # of admins: people mistype, and nobody guesses a password at that pace
    sockets_per_address: Most = 500  # open at once: a large hall; each is a file to the server
    # per player
    sockets_per_player: Most = 10  # open at once: windows, and those a phone lost that are not yet noticed
    begins: Rate = "120/minute"  # rounds: nobody looks at a photograph in half a second
    flags: Rate = "60/hour"  # people flag one photograph in twenty, that is fifteen in an hour of play
    # per socket, counted by its server
    frames: Most = 60  # in a second: the page sends about ten, and more after a break in the line
    frame_bytes: Most = 16 * 1024  # of a frame: a whole round has 2 KiB; a larger one gets an error
    frame_bytes_hard: Most = 2 * 1024 * 1024  # of a frame: a larger one closes the socket before it is read
    socket_errors: Most = 100  # in a minute, then it is closed: the page makes next to none
    # per request
    body_bytes: Most = 64 * 1024  # of it: the largest that is of use has a hundred
    # per photograph to be prepared
    source_file_bytes: Most = 100 * 1024 * 1024  # of its file: many times what a camera makes
    source_pixels: Most = 100_000_000  # of it, 10,000 x 10,000: decoded, that is 300 MB


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
    time_zone: str = "UTC"  # whose day "today" is on the leaderboard; an IANA name, as Europe/Paris
    host: str = "127.0.0.1"
    port: int = 8765
    disk_floor_bytes: int = Field(256 * 1024 * 1024, ge=0)  # less free on the home's disk: not ready
    # Networks, as 10.0.0.0/8, 2001:db8::/32, whose word on who asks is taken: X-Forwarded-For and -Proto
    trusted_proxies: Networks = ()
    limits: Limits = Field(default_factory=Limits)
