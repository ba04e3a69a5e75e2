"""The networks by their names: ResNets, with squeeze-and-excitation, with GALA."""

from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from clickme.kit.problems import Problem
from clickme_gala.attention import GALA, ReferenceGALA, SqueezeExcitation
from clickme_gala.resnet import WATCHED, Attend, BasicBlock, Bottleneck, ResNet

Weights = dict[str, torch.Tensor]

DEPTHS: Final = {"resnet-18": (BasicBlock, (2, 2, 2, 2)), "resnet-50": (Bottleneck, (3, 4, 6, 3))}
FAMILIES: Final = ("", "se-", "gala-")
NETWORKS: Final = tuple(family + depth for depth in DEPTHS for family in FAMILIES)


def build(name: str, *, width: int = 64, reference: bool = False) -> ResNet:
    """A network of `NETWORKS` with new weights and 1,000 classes.

    `width` is the number of channels that it begins with. `reference` makes GALA as the reference trainer has
    it, on the input of the blocks. Problem `no_network`.
    """
    if name not in NETWORKS:
        raise Problem("no_network", f"There is no network {name}: there are {', '.join(NETWORKS)}.")
    family = name.partition("resnet-")[0]
    block, depths = DEPTHS[name.removeprefix(family)]
    attend: Attend = {"": _nowhere, "se-": _everywhere, "gala-": _reference if reference else _watched}[
        family
    ]
    return ResNet(block, depths, width=width, attend=attend, before=reference and family == "gala-")


def _nowhere(stage: int, channels: int) -> nn.Module | None:
    return None


def _everywhere(stage: int, channels: int) -> nn.Module | None:
    """In all blocks, as its authors have it (Hu et al., 2018)."""
    return SqueezeExcitation(channels)


def _watched(stage: int, channels: int) -> nn.Module | None:
    """In the blocks of one stage: in ResNet-50 six, of 14x14 px (paper, section 3.2)."""
    return GALA(channels) if stage == WATCHED else None


def _reference(stage: int, channels: int) -> nn.Module | None:
    return ReferenceGALA(channels) if stage == WATCHED else None


def load_weights(network: nn.Module, path: Path) -> None:
    """Take the weights in a file, by their names; layers of attention that it lacks keep theirs.

    The file is a state dict as `torch.save` writes it: ours, or torchvision's of the same ResNet. Nothing in
    it is run. Problem `other_weights` if it is of another network, `no_weights` if it cannot be read.
    """
    found = read_weights(path)
    missing, unexpected = _differences(network, found)
    if unexpected or missing:
        which = ", ".join((unexpected or missing)[:3])
        raise Problem("other_weights", f"{path} has the weights of another network: {which} does not fit.")
    network.load_state_dict(found, strict=False)


def _differences(network: nn.Module, found: Weights) -> tuple[list[str], list[str]]:
    """What only the network has, attention apart; and what only the file has, or in another shape."""
    own = network.state_dict()
    missing = [name for name in own if name not in found and not _may_lack(name)]
    unexpected = [name for name, value in found.items() if name not in own or own[name].shape != value.shape]
    return missing, unexpected


def _may_lack(name: str) -> bool:
    """Layers of attention; and the counters of batch norms, which files from before PyTorch 0.4.1 lack, too.

    torchvision's published ResNets are such. Nothing is computed from the counters.
    """
    return ".attention." in name or name.endswith(".num_batches_tracked")


def read_weights(path: Path) -> Weights:
    """The tensors in a file by their names. Problem `no_weights`."""
    read: Any = read_file(path, "no_weights")
    if not isinstance(read, dict) or not all(isinstance(value, torch.Tensor) for value in read.values()):
        raise Problem("no_weights", f"{path} does not hold the weights of a network.")
    return read


def read_file(path: Path, code: str) -> Any:
    """What `torch.save` wrote, on the CPU. Only plain values and tensors are read: a file can run nothing.

    Problem `code` if it is not there, is cut short, or is something else.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise Problem(code, f"There is no file {path}.") from None
    except Exception as error:  # pickle, zipfile and torch have no common base but this
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Problem(
            code, f"{path} cannot be read: it is truncated, or no file of PyTorch ({reason})."
        ) from None
