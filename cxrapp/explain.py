"""Feature map -> heat maps: which parts of a film raised a finding's logit."""

import numpy as np
import torch
from torch import nn

from cxrapp.bundle import Encoder


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


def grad_cams(network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """Grad-CAM of every finding from one feature map, without running the backbone.

    Selvaraju et al., "Grad-CAM", ICCV 2017, by pytorch-grad-cam. The library stretches every
    map to its own maximum, which hides how strong the evidence is; this takes its maps before
    that, where with a pooled linear head each cell is what it adds to the logit.

    Args:
        network: A bundle, or the eager network it was made from.
        feature_map: (C, h, w) float32 of one film.

    Returns:
        (K, h, w) float32, >= 0, in logits; the findings of a film share the scale.
    """
    # Imported here because it takes seconds and the first prediction should not wait for it.
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    tap = _Tap(network.head)
    single = torch.from_numpy(feature_map)
    count = network.head(single[None]).shape[1]
    targets = [ClassifierOutputTarget(k) for k in range(count)]
    # One copy of the map a finding: all K gradients come from one backward pass.
    maps = single.expand(count, -1, -1, -1).clone().requires_grad_()
    with GradCAM(model=tap, target_layers=[tap.identity]) as cam:
        cam(input_tensor=maps, targets=targets)
        hooked = cam.activations_and_grads
        raw = cam.get_cam_image(
            maps,
            tap.identity,
            targets,
            hooked.activations[0].detach().numpy(),
            hooked.gradients[0].detach().numpy(),
        )
    return np.maximum(raw, 0).astype(np.float32)
