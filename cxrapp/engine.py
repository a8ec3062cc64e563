"""The network run by ONNX Runtime: made from TorchScript when a bundle is loaded, nothing is kept.

TorchScript is the reference and the default. ONNX Runtime takes about 0.6 of its time for a film
and two seconds more to load a bundle, so it pays where a process lives long: `CXR_ENGINE` chooses.
"""

import io
import os
import warnings

import torch

TORCHSCRIPT, ONNX_RUNTIME = ENGINES = ("torchscript", "onnxruntime")
OPSET = 17  # of ONNX: the last but few that both the exporter and old runtimes know


def chosen_engine() -> str:
    """The engine that `CXR_ENGINE` names; TorchScript where it names none.

    Raises:
        ValueError: It names another.
    """
    name = os.environ.get("CXR_ENGINE") or TORCHSCRIPT
    if name not in ENGINES:
        raise ValueError(f"CXR_ENGINE is {name!r}: use {' or '.join(ENGINES)}.")
    return name


class OnnxBackbone:
    """A scripted backbone, run by ONNX Runtime on as many threads as PyTorch would use.

    Args:
        scripted: As in `cxrapp.bundle.Encoder`, frozen.
        side: Of its input, in pixels.
    """

    def __init__(self, scripted: torch.nn.Module, side: int) -> None:
        import onnxruntime  # only where it is used: it takes memory and time to load

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(
            _to_onnx(scripted, side), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As the scripted backbone."""
        feature_maps, averages = self._session.run(None, {"films": films.numpy()})
        return torch.from_numpy(feature_maps), torch.from_numpy(averages)


def _to_onnx(scripted: torch.nn.Module, side: int) -> bytes:
    names = ("films", "feature_maps", "averages")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The exporter for TorchScript is deprecated with TorchScript itself; see `cxrapp.bundle`.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            scripted,
            (torch.zeros(1, 1, side, side),),
            buffer,
            dynamo=False,
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "n"} for name in names},
            opset_version=OPSET,
        )
    return buffer.getvalue()
