"""A backbone in eight bits: whole numbers instead of floats, several times as fast on a CPU.

Static quantisation after training (Jacob et al., CVPR 2018) by torch.ao.quantization's FX graph
mode: batch normalisation is folded, every layer's scale is set on training films. The averages that
the gate looks at are taken in floats.
"""

import copy
import warnings

import numpy as np
import torch
from torch import nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.fx.custom_config import PrepareCustomConfig
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

from cxrapp.model.predict import BATCH
from train.model import Averages

FILMS = 300  # to set the scales on
ENGINE = "x86"  # activations keep to seven bits, which processors without VNNI need


@torch.no_grad()
def quantise(backbone: nn.Module, films: np.ndarray) -> nn.Module:
    """A copy of a backbone in int8, with the same inputs and outputs.

    Args:
        backbone: As in `cxrapp.model.bundle.Encoder`, eager.
        films: (N, 1, S, S) uint8, such as it will see.

    Raises:
        ValueError: The backbone's steps depend on what it sees, so that they cannot be listed.
    """
    # As the network is always shown films.
    inputs = torch.from_numpy(films).float() / 255
    with warnings.catch_warnings():
        # PyTorch announces the move of this to another library; the version is pinned.
        warnings.simplefilter("ignore")
        try:
            watched = prepare_fx(
                # A copy, as this rewrites modules, and the trained ones are stored beside the
                # result.
                copy.deepcopy(backbone).eval(),
                get_default_qconfig_mapping(ENGINE),
                (inputs[:1],),
                # The gate's distance magnifies what eight bits leave of the averages.
                PrepareCustomConfig().set_non_traceable_module_classes([Averages]),
            )
        except torch.fx.proxy.TraceError as error:
            raise ValueError(f"This backbone cannot be put in eight bits: {error}.") from error
        # Each layer's scale follows from what it puts out on real films.
        for batch in inputs.split(BATCH):
            watched(batch)
        return convert_fx(watched)
