"""Feature map -> heat maps of all findings at once, without running the backbone.

Of pytorch-grad-cam's methods, those that explain a score and differ here. With a pooled linear
head the gradient is the same in every cell, so on the sample films XGradCAM and HiResCAM give
Grad-CAM's map to the seventh digit, and GradCAMElementWise gives Layer-CAM's exactly.
"""

import numpy as np
import torch
from torch import nn

from cxrapp.model.bundle import Encoder


class _Tap(nn.Module):
    """Eager shell around the scripted head, with a layer that Python can hook.

    TorchScript modules take no hooks; an identity layer in front of the head does, and its
    output is the feature map after the last ReLU.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head
        self.identity = nn.Identity()
        # pytorch-grad-cam looks for the device on the first parameter; a frozen head has none.
        self.anchor = nn.Parameter(torch.zeros(()))

    def forward(self, feature_map: torch.Tensor) -> torch.Tensor:
        return self.head(self.identity(feature_map))


# Every function below takes
#     network: A bundle, or the eager network it was made from.
#     feature_map: (C, h, w) float32 of one film, >= 0.
# and gives (K, h, w) float32, the findings of a film on one scale.


def evidence(network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """What each cell adds to each logit, for or against, in logits.

    The cells and the head's bias sum to the logit: with a pooled linear head nothing is left out.
    Zhou et al., "Learning deep features for discriminative localization", CVPR 2016.
    """
    return _raw_maps("GradCAM", network, feature_map)


def grad_cams(network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """Grad-CAM: what each cell adds to each logit, in logits, >= 0.

    Selvaraju et al., "Grad-CAM", ICCV 2017, by pytorch-grad-cam. The library stretches every
    map to its own maximum, which hides how strong the evidence is; this takes its maps before
    that, where with a pooled linear head each cell is what it adds to the logit.
    """
    return np.maximum(evidence(network, feature_map), 0)


def grad_cams_plus_plus(network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """Grad-CAM++: channels that speak for the finding alone, the strongest most; no unit, >= 0.

    Chattopadhay et al., "Grad-CAM++", WACV 2018, by pytorch-grad-cam. By the paper's formula its
    map would rank the cells as Layer-CAM does; the library's guard against division by zero is of
    the size of our squared gradients, which favours strong channels.
    """
    return np.maximum(_raw_maps("GradCAMPlusPlus", network, feature_map), 0)


def layer_cams(network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """Layer-CAM: what channels that speak for the finding add to the logit, in logits, >= 0.

    What speaks against is left out, so the cells sum to more than the logit. Jiang et al.,
    "LayerCAM", IEEE Transactions on Image Processing 2021, by pytorch-grad-cam.
    """
    return _raw_maps("LayerCAM", network, feature_map)


def _raw_maps(method: str, network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """The library's maps before it clips and stretches them, (K, h, w) float32."""
    # Imported here because it takes seconds and the first prediction should not wait for it.
    import pytorch_grad_cam

    tap = _Tap(network.head)
    single = torch.from_numpy(feature_map)
    count = network.head(single[None]).shape[1]
    # One copy of the map a finding: all K gradients come from one backward pass.
    maps = single.expand(count, -1, -1, -1).clone().requires_grad_()
    with getattr(pytorch_grad_cam, method)(model=tap, target_layers=[tap.identity]) as cam:
        hooked = cam.activations_and_grads
        hooked(maps).diagonal().sum().backward()
        raw = cam.get_cam_image(
            maps,
            tap.identity,
            [],  # targets: none of these methods reads them
            hooked.activations[0].numpy(),
            hooked.gradients[0].numpy(),
            eigen_smooth=False,
        )
    return raw.astype(np.float32)
