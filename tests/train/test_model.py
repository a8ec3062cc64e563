from importlib import import_module
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import nn

from train.backbones import LITE
from train.model import Network, body, build_network, prepare, with_averages


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """A state dict spelled as torchvision's published file: norm.1, and no batch counters."""
    torch.manual_seed(1)
    state = torchvision.models.densenet121(weights=None).state_dict()
    return {
        key.replace("norm1", "norm.1")
        .replace("norm2", "norm.2")
        .replace("conv1", "conv.1")
        .replace("conv2", "conv.2"): value
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }


def same_backbone(network: Network, published: dict[str, torch.Tensor]) -> bool:
    mine = body(network).state_dict()
    return torch.equal(
        mine["denseblock4.denselayer16.conv2.weight"],
        published["features.denseblock4.denselayer16.conv.2.weight"],
    ) and torch.equal(mine["conv0.weight"], published["features.conv0.weight"])


def test_a_file_of_published_weights_fills_the_backbone(
    published: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save(published, tmp_path / "densenet121.pth")
    assert same_backbone(build_network(2, 0.2, str(tmp_path / "densenet121.pth")), published)


def test_imagenet_weights_come_from_torchvisions_cache(
    published: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = torchvision.models.DenseNet121_Weights.IMAGENET1K_V1.url
    cached = tmp_path / "hub/checkpoints" / url.rsplit("/", 1)[1]
    cached.parent.mkdir(parents=True)
    torch.save(published, cached)
    assert same_backbone(build_network(2, 0.2, "imagenet"), published)


def test_backbone_matches_torchvisions_output(tmp_path: Path) -> None:
    reference = torchvision.models.densenet121(weights=None).eval()
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    network = build_network(2, 0.2, str(tmp_path / "weights.pth")).eval()
    films = torch.rand(1, 1, 64, 64)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    coloured = (films.expand(-1, 3, -1, -1) - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    with torch.no_grad():
        expected = reference.features(coloured).relu()
        torch.testing.assert_close(network.features(films), expected)


@pytest.mark.parametrize(
    ("content", "lacking"),
    [
        ({"x": torch.zeros(1)}, "604"),
        ({"model": {}}, "604"),
        ({"conv0.weight": torch.zeros(64, 1, 7, 7)}, "604"),
        ({"conv0.weight": "of no shape"}, "604"),
        ({"conv0.weight": torch.zeros(64, 3, 7, 7)}, "603"),
    ],
)
def test_a_file_of_something_else_is_named(content: dict, lacking: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    said = rf"other.pth does not hold densenet121: {lacking} of its \d+ tensors are missing"
    with pytest.raises(ValueError, match=said):
        build_network(2, 0.2, str(tmp_path / "other.pth"))


def test_an_unknown_init_says_what_is_possible() -> None:
    with pytest.raises(ValueError, match="use 'random', 'imagenet' or a file"):
        build_network(2, 0.2, "chexnet")


def test_frozen_phase_trains_the_head_alone() -> None:
    network = build_network(2, 0.2, "random")
    prepare(network, trainable=0.0, keep_norm=False)
    trainable = {name for name, p in network.named_parameters() if p.requires_grad}
    assert trainable == {"head.3.weight", "head.3.bias"}
    prepare(network, trainable=1.0, keep_norm=False)
    assert all(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(("trainable", "keep"), [(0.0, False), (1.0, True), (1.0, False)])
def test_batch_normalisation_rests_where_it_is_told_to(trainable: float, keep: bool) -> None:
    network = build_network(2, 0.2, "random")
    prepare(network, trainable=trainable, keep_norm=keep)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 121
    assert {norm.training for norm in norms} == {trainable == 1 and not keep}
    assert network.head.training


@pytest.mark.parametrize("backbone", ["vgg19", "small_cnn"])
def test_unfreezing_begins_with_the_last_layers(backbone: str) -> None:
    network = build_network(1, 0.2, backbone=backbone)
    shares = []
    for trainable in (0.0, 0.5, 1.0):
        prepare(network, trainable=trainable, keep_norm=False)
        learning = [p.requires_grad for p in body(network).parameters()]
        assert learning == sorted(learning)
        shares.append(sum(learning) / len(learning))
    assert shares[0] == 0 and 0.3 < shares[1] < 0.7 and shares[2] == 1


@pytest.mark.parametrize(
    ("backbone", "channels"),
    [
        ("vgg19", 512),
        ("resnet50", 2048),
        ("resnet101", 2048),
        ("inception_v3", 2048),
        ("legacy_xception", 2048),
        ("inception_resnet_v2", 1536),
        ("plain", 128),
        ("small_cnn", 128),
        ("deeper_cnn", 256),
    ],
)
def test_every_backbone_gives_a_map_and_its_averages(backbone: str, channels: int) -> None:
    network = build_network(2, 0.2, backbone=backbone).eval()
    films = torch.rand(2, 1, 80, 80)  # the least that Inception takes
    with torch.no_grad():
        maps, averages = with_averages(network)(films)
        torch.testing.assert_close(network.head(maps), network(films))
    assert (maps.shape[1], *averages.shape) == (channels, 2, channels)
    assert maps.min() >= 0


@pytest.mark.slow
def test_a_librarys_own_file_fills_another_backbone(tmp_path: Path) -> None:
    vgg, resnet = torchvision.models.vgg19(weights=None), timm.create_model("resnet50")
    for name, model in {"vgg19": vgg, "resnet50": resnet}.items():
        torch.save(model.state_dict(), tmp_path / f"{name}.pth")
        network = build_network(1, 0.2, str(tmp_path / f"{name}.pth"), name)
        mine, theirs = body(network).state_dict(), model.state_dict()
        for key, value in mine.items():
            torch.testing.assert_close(value, theirs.get(key, theirs.get(f"features.{key}")))


def test_an_unknown_backbone_says_what_is_possible() -> None:
    with pytest.raises(ValueError, match="use densenet121, vgg19 or one of timm's"):
        build_network(1, 0.2, backbone="lenet")
    with pytest.raises(ValueError, match="no ImageNet weights for small_cnn"):
        build_network(1, 0.2, "imagenet", "small_cnn")


def test_backbone_gives_the_features_and_the_average_of_every_block() -> None:
    network = build_network(3, 0.2, "random").eval()
    films, blocks = torch.rand(2, 1, 64, 64), []
    for name in ("denseblock1", "denseblock2", "denseblock3"):
        block = getattr(body(network), name)
        block.register_forward_hook(lambda *hooked: blocks.append(hooked[2].mean((2, 3))))
    with torch.no_grad():
        features = network.features(films)
        expected = torch.cat([*blocks, features.mean((2, 3))], 1)
        maps, averages = with_averages(network)(films)
        assert network(films).shape == (2, 3)  # a logit a finding
    assert maps.shape == (2, 1024, 2, 2)
    torch.testing.assert_close(maps, features)
    torch.testing.assert_close(averages, expected)
    assert averages.shape == (2, 256 + 512 + 1024 + 1024)


@pytest.mark.parametrize("name", sorted(LITE))
def test_packaged_imagenet_weights_fill_their_network_tensor_by_tensor(name: str) -> None:
    network = build_network(2, 0.0, "imagenet", name)
    package = import_module(LITE[name])
    (locate,) = (part for key, part in vars(package).items() if key.endswith("ModelFile"))
    theirs = torch.load(locate.get_model_file_path(), weights_only=True)
    theirs = {k: v for k, v in theirs.items() if not k.endswith("num_batches_tracked")}
    ours = network.features[1].state_dict()
    ours = {k: v for k, v in ours.items() if not k.endswith("num_batches_tracked")}
    for (our_name, value), (their_name, other) in zip(ours.items(), theirs.items(), strict=False):
        assert our_name.rpartition(".")[2] == their_name.rpartition(".")[2]
        assert torch.equal(value, other)
    assert list(theirs)[len(ours) :] == ["_fc.weight", "_fc.bias"]
    assert network.features[0].mean.flatten().tolist() == [0.5] * 3
    torch.jit.script(network.eval())
