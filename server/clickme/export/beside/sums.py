"""SHA256SUMS: what `sha256sum --check` reads (GNU coreutils)."""

import hashlib
from collections.abc import Iterable, Mapping

from clickme.export.facts import Shard


def sha256sums(shards: Iterable[Shard], beside: Mapping[str, bytes]) -> str:
    """A line for each shard and each file beside them, in the order of their names."""
    sums = {shard.name: shard.sha256 for shard in shards}
    sums |= {name: hashlib.sha256(content).hexdigest() for name, content in beside.items()}
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
