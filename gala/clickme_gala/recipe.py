"""How a network is trained: every choice of a run, written beside it."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, Self

from clickme.kit.problems import Problem

MOMENTUM: Final = 0.9
LEARNING_RATE: Final = 0.1  # for a batch of 256; in proportion for others (Goyal et al. 2017, section 2.1)


@dataclass(frozen=True)
class Recipe:
    """The paper's recipe (section 4 and appendix), where it says something; the defaults are its own.

    SGD with Nesterov's momentum, 100 epochs, the learning rate divided by ten after 30, 60, 80 and 90 of
    them, batches of 32, map weight λ = 6. It names no first learning rate and no weight decay: these are
    those of its reference trainer, 0.1 for a batch of 256 and 1e-4. Problem `bad_recipe` for what cannot be.

    `reference` is the reference trainer's recipe: all its departures together (docs/gala.md).
    """

    model: str = "gala-resnet-50"
    map_weight: float = 6.0  # λ; 0: attention is left alone
    annotation: Literal["maps", "boxes"] = "maps"
    epochs: int = 100
    batch: int = 32  # photographs a step, over all processes
    learning_rate: float | None = None  # None: LEARNING_RATE * batch / 256
    drops: tuple[float, ...] = (0.3, 0.6, 0.8, 0.9)  # when it is divided by ten: shares of the epochs
    warm_up: float = 0.0  # share of the epochs in which it grows from 0
    weight_decay: float = 1e-4  # on the weights of layers; never on biases, batch norms, a and m
    reference: bool = False
    width: int = 64  # channels that the network begins with
    size: int = 224  # px, what is cropped of a photograph that was scaled to size * 256 / 224
    seed: int = 0
    bf16: bool = False  # layers work in bfloat16 where that is safe; weights and sums stay float32
    channels_last: bool = False
    compile: bool = False  # by torch.compile
    accumulate: int = 1  # parts of a batch that go through the network one after the other

    def __post_init__(self) -> None:
        counts = (self.epochs, self.batch, self.width, self.accumulate)
        rules = {
            "epochs, batch, width and accumulate are 1 or more": min(counts) >= 1,
            "the batch is a multiple of the parts it is accumulated from": self.batch % self.accumulate == 0,
            "the learning rate is above 0": self.learning_rate is None or self.learning_rate > 0,
            "map weight and weight decay are 0 or more": min(self.map_weight, self.weight_decay) >= 0,
            "the size is 64 px or more": self.size >= 64,
            "the seed is 0 or more": self.seed >= 0,
        }
        for rule, kept in rules.items():
            if not kept:
                raise Problem("bad_recipe", f"In a recipe {rule}.")

    @classmethod
    def as_reference(cls, **choices: Any) -> Self:
        """The reference trainer's recipe (gala_tpu; docs/gala.md), with other choices where there are any."""
        its_own = cls(
            map_weight=1e-5,
            epochs=90,
            batch=1024,
            drops=(30 / 90, 60 / 90, 80 / 90),
            warm_up=5 / 90,
            reference=True,
        )
        return replace(its_own, **choices)

    def rate(self, epoch: float) -> float:
        """The learning rate at a moment, in epochs from 0: 2.5 is the middle of the third."""
        first = self.learning_rate or LEARNING_RATE * self.batch / 256
        if epoch < self.warm_up * self.epochs:
            return first * epoch / (self.warm_up * self.epochs)
        # A drop at the end of a whole epoch is one that shares only come near to.
        return first * 0.1 ** sum(epoch + 1e-9 >= drop * self.epochs for drop in self.drops)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Self:
        """What `as_dict` gave. `TypeError` if it is something else."""
        return cls(**{**found, "drops": tuple(found["drops"])})
