"""The network, cut in two: `features` (the backbone up to its last ReLU) and `head`."""

import re
from pathlib import Path

import torch
import torchvision
from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class GreyToRgb(nn.Module):
    """(N, 1, S, S) in [0, 1] -> (N, 3, S, S) with ImageNet's mean and deviation.

    Inside the network, so that no caller can forget it or do it twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return (films - self.mean) / self.std


class Network(nn.Module):
    """DenseNet121 (Huang et al., 2017) with K sigmoid outputs.

    The feature map is taken after the last ReLU, which torchvision applies in place outside its
    `features`: with that one and a pooled linear head, Grad-CAM is exact and cheap.
    """

    def __init__(self, findings: int, dropout: float) -> None:
        super().__init__()
        densenet = torchvision.models.densenet121(weights=None)
        self.features = nn.Sequential(GreyToRgb(), densenet.features, nn.ReLU())
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(densenet.classifier.in_features, findings),
        )

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(films))  # (N, 1, S, S) -> (N, C, h, w) -> (N, K) logits


class Backbone(nn.Module):
    """A network's `features` that also tells the average of what each dense block puts out.

    The averages of all four blocks tell kinds of films apart better than the last one's (Lee et
    al., "A simple unified framework for detecting out-of-distribution samples", 2018).
    """

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.to_rgb, densenet, self.relu = features
        parts = dict(densenet.named_children())
        stem = ("conv0", "norm0", "relu0", "pool0")
        self.stem = nn.Sequential(*(parts[name] for name in stem))
        self.block1, self.transition1 = parts["denseblock1"], parts["transition1"]
        self.block2, self.transition2 = parts["denseblock2"], parts["transition2"]
        self.block3, self.transition3 = parts["denseblock3"], parts["transition3"]
        self.block4, self.norm = parts["denseblock4"], parts["norm5"]

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = self.block1(self.stem(self.to_rgb(films)))
        second = self.block2(self.transition1(first))
        third = self.block3(self.transition2(second))
        last = self.relu(self.norm(self.block4(self.transition3(third))))
        blocks = (first, second, third, last)
        return last, torch.cat([block.mean((2, 3)) for block in blocks], 1)


class Mirrored(nn.Module):
    """Average each film's feature map with its mirror image's, turned back.

    With a pooled linear head this is horizontal-flip averaging of the logits, exactly, and heat
    maps are those of the averaged prediction. It doubles the time of a film.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps, averages = self.backbone(torch.cat([films, films.flip(3)]))  # (2N, C, h, w), (2N, D)
        straight, mirrored = maps.chunk(2)
        return (straight + mirrored.flip(3)) / 2, averages.chunk(2)[0]


class Features(nn.Module):
    """A backbone's feature map alone."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return self.backbone(films)[0]


class Exported(nn.Module):
    """What goes into a bundle: see `cxrapp.bundle.Encoder`."""

    def __init__(self, backbone: nn.Module, head: nn.Module, distance: nn.Module) -> None:
        super().__init__()
        self.features = Features(backbone)
        self.head = head
        self.distance = distance

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(films))  # (N, 1, S, S) -> (N, C, h, w) -> (N, K) logits


def densenet(network: Network) -> nn.Module:
    """torchvision's DenseNet121 up to its last batch normalisation."""
    return network.features[1]


def build_network(findings: int, dropout: float, init: str) -> Network:
    """A network whose backbone is `random`, from `imagenet`, or from a file of weights.

    Raises:
        ValueError: The file does not hold a DenseNet121.
    """
    network = Network(findings, dropout)
    if init == "imagenet":
        weights = torchvision.models.DenseNet121_Weights.IMAGENET1K_V1.get_state_dict(progress=True)
        _load_backbone(network, weights, init)
    elif init != "random":
        if not Path(init).is_file():
            raise ValueError(f"--init {init}: use 'random', 'imagenet' or a file of weights.")
        weights = torch.load(init, map_location="cpu", weights_only=True)
        _load_backbone(network, weights.get("model", weights), init)
    return network


def _load_backbone(network: Network, weights: dict[str, torch.Tensor], source: str) -> None:
    """Take a backbone from torchvision's own file, from a DenseNet121 or from one of our runs.

    Heads are left behind: they answer other questions.
    """
    taken = {}
    for key, value in weights.items():
        if match := re.match(r"(?:features\.1|features)\.(?=conv0|norm|dense|trans)(.+)", key):
            # The published file says norm.1 where torchvision's modules say norm1.
            name = re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", match[1])
            taken[name] = value
    expected = densenet(network).state_dict()
    # Files from before PyTorch 0.4 lack these counters, which inference never reads.
    for name in expected.keys() - taken.keys():
        if name.endswith("num_batches_tracked"):
            taken[name] = expected[name]
    try:
        densenet(network).load_state_dict(taken, strict=True)
    except RuntimeError as error:
        raise ValueError(f"{source} does not hold a DenseNet121: {error}") from error


def prepare(network: Network, *, frozen: bool, keep_norm: bool) -> None:
    """Set the network up for one phase of training.

    Args:
        frozen: Train the head alone.
        keep_norm: Keep batch normalisation on its stored statistics: batches of 32 films would
            replace what a million pictures taught it.
    """
    network.train()
    densenet(network).requires_grad_(not frozen)
    if keep_norm or frozen:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
