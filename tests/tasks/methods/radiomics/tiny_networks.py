"""Networks so small that their answers can be computed by hand, as ONNX files."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def network_file(nodes, weights=(), inputs=("x",), dtype=TensorProto.FLOAT, shape=None):
    """Return the bytes of an ONNX file; nodes lead from `x` to `y`."""
    graph = helper.make_graph(
        [helper.make_node(operation, *ends, **settings) for operation, *ends, settings in nodes],
        "tiny",
        [helper.make_tensor_value_info(name, dtype, shape) for name in inputs],
        [helper.make_tensor_value_info("y", dtype, None)],
        [numpy_helper.from_array(values, name) for name, values in dict(weights).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def seen(**changes):
    """Return a network that gives all voxels of its input as they are."""
    return network_file([("Flatten", ["x"], ["y"], {})], **changes)


def convolved(kernels, **changes):
    """Return a network that gives one map for each kernel (number, channels, ..., y, x), as large as its input."""
    dims = kernels.ndim - 2
    pads = [length // 2 for length in kernels.shape[2:]] * 2
    assert dims in (2, 3)
    return network_file([("Conv", ["x", "w"], ["y"], {"pads": pads})], {"w": kernels.astype(np.float32)}, **changes)


def logarithm():
    """Return a network that gives the logarithm of all voxels of its input, minus infinity at 0."""
    return network_file([("Log", ["x"], ["l"], {}), ("Flatten", ["l"], ["y"], {})])
