"""Where in a photograph a partner finds a class: class activation maps.

Source: Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning deep features for discriminative localization"
(CVPR 2016), section 2. In a network that ends in a mean over places and one linear layer, the logit of a
class is a mean over places too: of the features there, weighed as the class weighs them.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from clickme_partner.cores import usable_cores
from clickme_partner.errors import PartnerError
from clickme_partner.session import Session

BATCH: Final = 16  # views in one pass
UNCHANGED: Final = {"Cast", "Identity"}  # what may stand between a network's scores and the logits


class Evidence:
    """A partner, ready to say where in views it finds a class.

    `path` is a partner's ONNX file (`Session` says what that is), of a network that ends in global average
    pooling and one linear layer, as the published ones do. `bias` float32 [1000] is what the linear layer
    adds to each logit: the mean of a class's map over places, plus its bias, is its logit.

    Raises PartnerError: what `Session` raises, and `no_evidence` for a network of another shape.
    """

    def __init__(self, path: Path) -> None:
        Session(path, threads=1)  # says so if it is no partner
        model = onnx.load(path)
        self._features, self._weights, self.bias = _last_layers(model, path.name)
        model.graph.output.append(helper.make_tensor_value_info(self._features, TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        options.log_severity_level = 3  # errors only: they are raised as well
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def maps(self, views: npt.NDArray[np.uint8], classes: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """How much each place of a view speaks for a class, in logits: float32 [N, h, w].

        `views` is uint8 [N, 224, 224, 3] RGB, one or more, `classes` int [N], 0-based, one for each. h and w
        are the last features' (7 in the published partners); the places lie evenly over the view. Negative
        where something speaks against the class.
        """
        maps = [
            self._maps(views[start : start + BATCH], self._weights[classes[start : start + BATCH]])
            for start in range(0, len(views), BATCH)
        ]
        return np.concatenate(maps)

    def _maps(
        self, views: npt.NDArray[np.uint8], weights: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        (features,) = self._session.run([self._features], {"image": views})  # [n, channels, h, w]
        return np.asarray(np.einsum("nchw,nc->nhw", features, weights), dtype=np.float32)


def _last_layers(
    model: onnx.ModelProto, name: str
) -> tuple[str, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The tensor that is averaged, and the linear layer after it: weights [1000, channels], bias [1000]."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    dense = made_by["logits"]
    while dense.op_type in UNCHANGED and dense.input[0] in made_by:
        dense = made_by[dense.input[0]]
    flat = made_by.get(dense.input[0])
    mean = made_by.get(flat.input[0]) if flat and flat.op_type == "Flatten" else None
    if dense.op_type != "Gemm" or mean is None or mean.op_type != "GlobalAveragePool":
        raise PartnerError(
            "no_evidence",
            f"{name} does not end in global average pooling, a flattening and one linear layer (Gemm), so it "
            "cannot say where it finds a class: `clickme partner install resnet50` makes a partner that can.",
        )
    weights, bias = (numpy_helper.to_array(tensors[tensor]) for tensor in dense.input[1:3])
    factors = {a.name: helper.get_attribute_value(a) for a in dense.attribute}
    weights = (weights if factors.get("transB") else weights.T) * np.float32(factors.get("alpha", 1))
    return mean.input[0], weights, bias * np.float32(factors.get("beta", 1))
