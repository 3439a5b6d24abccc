"""Johnson's network as an ONNX graph, for whatever runs those: phones, browsers, other frameworks.

    graph: image (1, 3, h, w) in [0, 1], of any height and width -> image of the same size, clipped

The layers of `johnson.py` in ONNX's own operators: reflected borders, instance normalisation (epsilon
inside the root), and pixels repeated before a convolution.
"""

import numpy as np
import onnx
from jax.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from jaxstyle.networks.conv import Conv
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.statistics.moments import EPSILON

OPSET = 17
AXES = np.asarray([2, 3], np.int64)  # height and width


class Graph:
    """Nodes and constants; every method adds what it says and returns the name of the result."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, value: ArrayLike) -> str:
        name = f"constant{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def node(self, operator: str, *inputs: str, **attributes) -> str:
        name = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def conv(self, x: str, conv: Conv, stride: int = 1) -> str:
        kernel = np.asarray(conv.kernel[...], np.float32).transpose(3, 2, 0, 1)
        pad = kernel.shape[-1] // 2
        pads = self.constant(np.asarray([0, 0, pad, pad, 0, 0, pad, pad], np.int64))
        parameters = self.constant(kernel), self.constant(np.asarray(conv.bias[...], np.float32))
        return self.node("Conv", self.node("Pad", x, pads, mode="reflect"), *parameters, strides=[stride] * 2)

    def normalised(self, x: str, norm) -> str:
        parameters = (self.constant(np.asarray(p[...], np.float32)) for p in (norm.scale, norm.shift))
        return self.node("InstanceNormalization", x, *parameters, epsilon=EPSILON)

    def doubled(self, x: str) -> str:
        scales = self.constant(np.asarray([1, 1, 2, 2], np.float32))
        modes = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        return self.node("Resize", x, "", scales, **modes)

    def cut(self, x: str, like: str) -> str:
        """Cut to the height and width of another."""
        ends = self.node("Gather", self.node("Shape", like), self.constant(AXES))
        return self.node("Slice", x, self.constant(np.zeros(2, np.int64)), ends, self.constant(AXES))


def model(network: TransformNet) -> onnx.ModelProto:
    """Return the network as an ONNX model."""
    graph, finer, began, x = Graph(), [], "", "image"
    *layers, last = network.layers
    for layer in layers:
        before = x
        finer += [x] if layer.shrink > 1 else []
        x = graph.conv(graph.doubled(x) if layer.grow > 1 else x, getattr(network, layer.name), layer.shrink)
        x = graph.cut(x, finer.pop()) if layer.grow > 1 else x
        x = graph.normalised(x, getattr(network, f"{layer.name}_norm"))
        x = graph.node("Add", began, x) if layer.adds else graph.node("Relu", x)
        began = before
    small = graph.node("Div", graph.conv(x, getattr(network, last.name)), graph.constant(np.float32(255)))
    x = graph.node("Add", small, graph.constant(np.float32(0.5)))
    limits = graph.constant(np.float32(0)), graph.constant(np.float32(1))
    graph.nodes.append(helper.make_node("Clip", [x, *limits], ["styled"]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "height", "width"])
        for name in ("image", "styled")
    ]
    onnx_graph = helper.make_graph(graph.nodes, "johnson", ends[:1], ends[1:], [*graph.constants.values()])
    model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model
