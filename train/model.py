"""The network, cut in two: `features` (a backbone up to its last ReLU) and `head`."""

import re
from pathlib import Path

import torch
from torch import nn

from train.backbones import build_backbone, normalisation


class GreyToRgb(nn.Module):
    """(N, 1, S, S) in [0, 1] -> (N, 3, S, S) with the mean and deviation of published weights.

    Inside the network, so that no caller can forget it or do it twice.
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        # Buffers and not parameters: saved with the weights, moved with them, never learned.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return (films - self.mean) / self.std


class Network(nn.Module):
    """A backbone, global average pooling and one linear layer with K sigmoid outputs.

    The feature map is taken after a last ReLU, which torchvision's DenseNet121 (Huang et al., 2017)
    applies in place outside its `features`, and which changes nothing in the others: with that one
    and a pooled linear head, Grad-CAM is exact and cheap.
    """

    def __init__(
        self, to_rgb: GreyToRgb, body: nn.Module, channels: int, findings: int, dropout: float
    ) -> None:
        super().__init__()
        # Two halves by name: the app runs the first once a film, the second as often as it likes.
        # The last ReLU is not in place: what it is given would be overwritten, and gradients with
        # it.
        self.features = nn.Sequential(to_rgb, body, nn.ReLU())
        # No sigmoid: the loss is computed from logits, where it is stable, and calibration is a
        # line in logits.
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(channels, findings),
        )

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(films))  # (N, 1, S, S) -> (N, C, h, w) -> (N, K) logits


class Averages(nn.Module):
    """Averages over each film of what several blocks put out: (N, C, h, w) each -> (N, sum of C).

    A module, so that `train.quantise` can leave it in floats.
    """

    def forward(self, blocks: list[torch.Tensor]) -> torch.Tensor:
        # In float32 whatever the blocks are in: the gate's distance magnifies what rounding leaves.
        return torch.cat([block.float().mean((2, 3)) for block in blocks], 1)


class Averaged(nn.Module):
    """A network's `features` that also tells the averages of its map."""

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features, self.average = features, Averages()

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        maps = self.features(films)
        return maps, self.average([maps])


class DenseAveraged(nn.Module):
    """DenseNet's `features` that also tells the average of what each dense block puts out.

    The averages of all four blocks tell kinds of films apart better than the last one's (Lee et
    al., "A simple unified framework for detecting out-of-distribution samples", 2018).
    """

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        # The same modules under other names, not copies: their weights are the trained ones.
        self.to_rgb, densenet, self.relu = features
        parts = dict(densenet.named_children())
        # torchvision's names; one that has changed ends the run here, before it has cost anything.
        stem = ("conv0", "norm0", "relu0", "pool0")
        self.stem = nn.Sequential(*(parts[name] for name in stem))
        self.block1, self.transition1 = parts["denseblock1"], parts["transition1"]
        self.block2, self.transition2 = parts["denseblock2"], parts["transition2"]
        self.block3, self.transition3 = parts["denseblock3"], parts["transition3"]
        self.block4, self.norm = parts["denseblock4"], parts["norm5"]
        self.average = Averages()

    # By hand, because a hook on the inner blocks would be lost when the network is scripted.
    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = self.block1(self.stem(self.to_rgb(films)))
        second = self.block2(self.transition1(first))
        third = self.block3(self.transition2(second))
        last = self.relu(self.norm(self.block4(self.transition3(third))))
        return last, self.average([first, second, third, last])


class Features(nn.Module):
    """A backbone's feature map alone."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return self.backbone(films)[0]


class Exported(nn.Module):
    """What goes into a bundle: see `cxrapp.model.bundle.load_parts`."""

    def __init__(self, backbone: nn.Module, head: nn.Module, distance: nn.Module) -> None:
        super().__init__()
        # These names are the format of a bundle: whoever loads one asks the file for them.
        self.features = Features(backbone)
        self.head = head
        self.distance = distance

    def forward(self, films: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(films))  # (N, 1, S, S) -> (N, C, h, w) -> (N, K) logits


# Both are stored: the fast one answers, and only the one in floats has layers to look into.
class ExportedInt8(Exported):
    """The same with its backbone in eight bits beside the one that was trained."""

    def __init__(self, network: Exported, quantised: nn.Module) -> None:
        super().__init__(network.features.backbone, network.head, network.distance)
        self.quantised = quantised


def body(network: Network) -> nn.Module:
    """The backbone as its library built it."""
    # Between the colours and the last ReLU.
    return network.features[1]


def with_averages(network: Network) -> nn.Module:
    """`features` that gives its map (N, C, h, w) and averages (N, D) for the gate."""
    # One layer's averages do for the others: only DenseNet's blocks are known here by name.
    dense = hasattr(body(network), "denseblock4")
    return DenseAveraged(network.features) if dense else Averaged(network.features)


def build_network(
    findings: int, dropout: float, init: str = "random", backbone: str = "densenet121"
) -> Network:
    """A network whose backbone is `random`, from `imagenet`, or from a file of weights.

    Raises:
        ValueError: There is no such backbone, or the file does not hold one.
    """
    # For a random start as well, so that a backbone always sees films of the same range.
    to_rgb = GreyToRgb(*normalisation(backbone))
    network = Network(to_rgb, *build_backbone(backbone, init == "imagenet"), findings, dropout)
    if init not in ("random", "imagenet"):
        if not Path(init).is_file():
            raise ValueError(f"--init {init}: use 'random', 'imagenet' or a file of weights.")
        # Weights alone: a pickle from elsewhere could run anything while it is read.
        weights = torch.load(init, map_location="cpu", weights_only=True)
        # Our runs keep the network under a name of its own, beside what else a run needs.
        _load_body(body(network), weights.get("model", weights), f"{init} does not hold {backbone}")
    return network


def _load_body(target: nn.Module, weights: dict[str, torch.Tensor], complaint: str) -> None:
    """Take a backbone from its library's own file or from one of our runs.

    Heads are left behind: they answer other questions.
    """
    # Only the names that the backbone knows are taken, so a head, whatever it is called, is not.
    expected = target.state_dict()
    # Files from before PyTorch 0.4 lack these counters, which inference never reads.
    taken = {key: expected[key] for key in expected if key.endswith("num_batches_tracked")}
    for key, value in weights.items():
        # DenseNet's published file says norm.1 where torchvision's modules say norm1.
        renamed = re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", key)
        # Ours, the library's with a head beside the features, and the library's bare backbone.
        for prefix in ("features.1.", "features.", ""):
            name = renamed.removeprefix(prefix)
            if renamed.startswith(prefix) and name in expected:
                taken[name] = value
                break
    # A layer that was not found would stay random, and nobody would notice. PyTorch's own complaint
    # names every one: 604 of a DenseNet121.
    lacking = [
        name
        for name, value in expected.items()
        if getattr(taken.get(name), "shape", None) != value.shape
    ]
    if lacking:
        raise ValueError(
            f"{complaint}: {len(lacking)} of its {len(expected)} tensors are missing or of another "
            f"shape, {lacking[0]} is the first."
        )
    target.load_state_dict(taken)


def prepare(network: Network, *, trainable: float, keep_norm: bool) -> None:
    """Set the network up for one phase of training.

    Args:
        trainable: Share of the backbone's layers that learn, counted from the last.
        keep_norm: Keep batch normalisation on its stored statistics: batches of 32 films would
            replace what a million pictures taught it.
    """
    network.train()
    # Layers with weights of their own, not their containers, in the order in which films pass them.
    layers = [m for m in body(network).modules() if list(m.parameters(recurse=False))]
    resting = len(layers) - round(trainable * len(layers))
    for position, layer in enumerate(layers):
        layer.requires_grad_(position >= resting)
        # A resting layer keeps its statistics as well: they fit its weights.
        # `eval` on the layer alone: `train` above had set all of them to learn.
        if isinstance(layer, nn.BatchNorm2d) and (keep_norm or position < resting):
            layer.eval()
