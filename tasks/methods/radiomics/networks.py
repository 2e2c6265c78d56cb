"""Neural networks out of the bytes of a file: ONNX, run by onnxruntime, or TorchScript, run by PyTorch; both extras."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal
from warnings import catch_warnings, simplefilter

import numpy as np

from data_catalog.errors import BadData, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Network = Callable[[NDArray[np.float32]], NDArray[Any]]

Form = Literal["onnx", "torchscript"]
MOST_OPEN = 2
"""Networks that a process keeps ready, one for each of two modalities: they can be large."""
ONNX_TYPES: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
}
SHOWN = 200
"""Characters of a library's message that are passed on."""


@dataclass(frozen=True)
class Weights:
    """Name a network by the digest of its file, and read the file when it is asked for."""

    sha256: str
    form: Form
    read: Callable[[], bytes] = field(compare=False, repr=False)


@lru_cache(maxsize=MOST_OPEN)
def network(weights: Weights) -> Network:
    """Return a network as a function of one batch (1, channels, ..., y, x); on one thread of the processor.

    Raises
    ------
    MissingExtra
        When the library that runs it is not installed.
    BadData
        `unreadable_model` when the bytes are no such network, or it does not take what it is given.
    """
    return _onnx(weights.read()) if weights.form == "onnx" else _torchscript(weights.read())


def _onnx(model: bytes) -> Network:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state
    except ImportError as missing:
        raise _missing("onnx", missing) from None
    defined = vars(onnxruntime_pybind11_state).values()
    # they have no class in common
    faults = tuple(one for one in defined if isinstance(one, type) and issubclass(one, Exception))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except faults as fault:
        raise _unreadable("an ONNX model", fault) from None
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in ONNX_TYPES:
        raise _unreadable("an ONNX model of one input of floating-point numbers", [one.type for one in inputs])
    (taken,) = inputs
    first = session.get_outputs()[0].name

    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        try:
            return np.asarray(session.run([first], {taken.name: batch.astype(ONNX_TYPES[taken.type])})[0])
        except faults as fault:
            raise _unfit(batch, fault) from None

    return run


def _torchscript(model: bytes) -> Network:
    try:
        import torch
    except ImportError as missing:
        raise _missing("torch", missing) from None
    # sums are split among threads, so that their number would decide the last digits
    torch.set_num_threads(1)
    try:
        with catch_warnings():
            # PyTorch would rather have its newer form, in which few encoders are to be had
            simplefilter("ignore", DeprecationWarning)
            script = torch.jit.load(BytesIO(model), map_location="cpu").eval()
    except RuntimeError as fault:
        raise _unreadable("a TorchScript module", _cause(fault)) from None

    def run(batch: NDArray[np.float32]) -> NDArray[Any]:
        try:
            with torch.inference_mode():
                given = script(torch.from_numpy(batch))
        except RuntimeError as fault:
            raise _unfit(batch, _cause(fault)) from None
        first = given[0] if isinstance(given, tuple | list) else given
        if not isinstance(first, torch.Tensor):
            raise _unreadable("a TorchScript module that gives a tensor", type(first).__name__)
        return np.asarray(first.numpy())

    return run


def _missing(extra: str, missing: ImportError) -> MissingExtra:
    library = {"onnx": "onnxruntime", "torch": "PyTorch"}[extra]
    return MissingExtra(
        f"{library} is installed, which runs the model",
        f"{missing.name} is not",
        f'Install it: pip install "voxmine[{extra}]"',
    )


def _unreadable(what: str, fault: object) -> BadData:
    return BadData(
        "unreadable_model",
        f"The model's file is {what}",
        f"it is not: {_short(fault)}",
        "Export the model again, with its weights in the one file.",
    )


def _unfit(batch: NDArray[np.float32], fault: object) -> BadData:
    return BadData(
        "unreadable_model",
        f"The model takes a batch of shape {batch.shape}",
        f"it does not: {_short(fault)}",
        "Correct the encoder's `shape` and `channels`.",
    )


def _short(fault: object) -> str:
    return " ".join(str(fault).split())[:SHOWN].rstrip(".")


def _cause(fault: RuntimeError) -> str:
    """Return the last line of PyTorch's message; those before it are of the code in the file."""
    return str(fault).strip().splitlines()[-1].removeprefix("RuntimeError: ")
