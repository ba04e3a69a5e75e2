"""Where weights begin."""

from torch import nn


def scaled_normal(network: nn.Module) -> None:
    """Scaled normal weights (He et al., "Delving deep into rectifiers", 2015, section 2.2), in place.

    The variance is 2 / fan-in before a ReLU, and 1 / fan-in in linear layers, which have none behind them but
    in the shrinking ones. Biases are 0, batch norms 1 and 0.
    """
    for module in network.modules():
        match module:
            case nn.Conv2d():
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            case nn.Linear():
                nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            case nn.BatchNorm2d():
                nn.init.ones_(module.weight)
            case _:
                continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
