"""What the figures were measured on."""

from importlib.metadata import version
from pathlib import Path
from typing import Final

from clickme_partner.cores import usable_cores

INT8: Final = (
    "avx512_vnni",
    "avx_vnni",
    "amx_int8",
)  # as Linux names instructions that multiply 8-bit integers


def described() -> str:
    facts = processor()
    known = [flag for flag in INT8 if flag in facts.get("flags", "").split()]
    return (
        f"{usable_cores()} cores of {facts.get('model name', 'a processor')} "
        f"({', '.join(known) or 'no VNNI'}), onnxruntime {version('onnxruntime')}"
    )


def multiplies_int8() -> bool:
    """Whether the processor has VNNI or better."""
    return not set(INT8).isdisjoint(processor().get("flags", "").split())


def processor() -> dict[str, str]:
    """What Linux says of the first core; nothing elsewhere."""
    try:
        first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
