"""A recipe: everything that defines a training run, read from one TOML file."""

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from cxrapp.model.card import Finding
from cxrapp.model.chain import class_names


@dataclass(frozen=True)
class Augment:
    """Ranges of the random changes made to each film of a training batch."""

    flip: float = 0.5  # probability of a horizontal flip
    rotation: float = 10.0  # degrees, either way
    zoom: float = 0.10  # share of the side, either way
    aspect: float = 0.10  # log-ratio of width to height, either way: hides the squash's clue
    shift: float = 0.05  # share of the side, either way
    shear: float = 0.0  # degrees, either way
    contrast: float = 0.20  # share, either way
    brightness: float = 0.10  # share of full scale, either way
    gamma: float = 0.0  # log of the exponent, either way
    sharpness: float = 0.0  # share of the finest detail added or, down to -1, taken away
    noise: float = 0.0  # deviation of grain, share of full scale, at most
    border: float = 0.0  # share of the side that turns black, at most, on half of the sides
    erase: float = 0.0  # probability of one grey rectangle
    tone: float = 0.0  # how far a random monotone curve bends the grey levels, share of full scale
    style: float = 0.0  # probability of another film's slow shading (lowest frequencies)
    local: float = 0.0  # share, at most, by which contrast is made even over the film

    @classmethod
    def none(cls) -> "Augment":
        """No change at all; a field added later is off here too."""
        return cls(**{field.name: 0.0 for field in fields(cls)})


@dataclass(frozen=True)
class Phase:
    """A stretch of training with one schedule.

    Args:
        rate: Peak learning rate of `onecycle`, first learning rate of `plateau`.
        sizes: Pairs of input side in pixels and epochs at that side, in order.
        schedule: `onecycle` runs to its end; `plateau` divides the rate by ten after
            `patience` epochs without a better validation loss and stops after twice that.
        trainable: Share of the backbone's layers that learn, counted from the last. A phase of 0,
            which trains the head alone, is skipped where the backbone is not pretrained.
    """

    rate: float
    sizes: tuple[tuple[int, int], ...]
    schedule: str = "plateau"
    patience: int = 3
    trainable: float = 1.0

    def __post_init__(self) -> None:
        if self.schedule not in ("onecycle", "plateau"):
            raise ValueError(f"Unknown schedule {self.schedule!r}: use 'onecycle' or 'plateau'.")

    @property
    def epochs(self) -> int:
        return sum(epochs for _, epochs in self.sizes)

    def size_at(self, epoch: int) -> int:
        """Input side in pixels at this epoch of the phase, counted from 0."""
        sides = [side for side, epochs in self.sizes for _ in range(epochs)]
        return sides[epoch]


@dataclass(frozen=True)
class Recipe:
    name: str
    population: str  # plural noun for whom it is meant
    ages: tuple[tuple[float, float], ...]  # spans of years, both ends included
    views: tuple[str, ...]  # as DICOM names them
    sources: tuple[str, ...]
    findings: tuple[Finding, ...]
    phases: tuple[Phase, ...]
    augment: Augment
    intended_use: str = "Comparing ways of training. Not for reading films."
    out_of_scope: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    backbone: str = "densenet121"  # see `train.backbones`
    init: str = "random"  # random | imagenet | a file of weights
    teachers: tuple[str, ...] = ()  # folders of cross-validations that have a say in the labels
    teaching: float = 0.0  # share of the teachers' own probability in what is learned
    seed: int = 0
    validation: tuple[int, ...] = (9, 19)  # blocks of the training films: the middle and the end
    leave_out: str = ""  # training films to train without and to measure: "block in (0, 3, 6)"
    held_out: str = ""  # a source to train without and test on
    where: str = ""  # only films that fit a condition on the table's columns: "viral == 1"
    balance: str = "source"  # within what both answers weigh the same: source | machine | all
    batch: int = 32
    weight_decay: float = 0.05
    dropout: float = 0.2
    smoothing: float = 0.0  # how far labels are moved towards one half
    consistency: float = 0.0  # of two styles of each film, weight of how far their answers differ
    average: float = 0.0  # decay a step of the weights' moving average, which is what is kept
    keep_norm: bool = False  # leave batch normalisation on the statistics it came with

    def __post_init__(self) -> None:
        class_names(self.findings)  # raises if they are no chain
        if self.balance not in ("source", "machine", "all"):
            raise ValueError(f"Unknown balance {self.balance!r}: use 'source', 'machine' or 'all'.")

    def override(self, **changes: Any) -> "Recipe":
        """A copy with the fields replaced whose new value is not None."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})

    def with_batch(self, batch: int | None) -> "Recipe":
        """The same with other batches, its rates scaled by the square root of their ratio.

        That keeps the noise of AdamW's steps (Malladi et al., "On the SDEs and scaling rules for
        adaptive gradient algorithms", 2022).
        """
        if batch is None:
            return self
        scale = (batch / self.batch) ** 0.5
        phases = tuple(replace(phase, rate=phase.rate * scale) for phase in self.phases)
        return replace(self, batch=batch, phases=phases)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def recipe_from(values: dict[str, Any]) -> Recipe:
    """Build a recipe from plain values, such as a TOML file or a checkpoint holds.

    Raises:
        ValueError: A key is unknown or missing.
    """
    values = dict(values)
    try:
        return Recipe(
            findings=tuple(Finding(**finding) for finding in values.pop("findings")),
            phases=tuple(
                Phase(**{**phase, "sizes": tuple(tuple(pair) for pair in phase["sizes"])})
                for phase in values.pop("phases")
            ),
            augment=Augment(**values.pop("augment", {})),
            ages=tuple((low, high) for low, high in values.pop("ages")),
            views=tuple(values.pop("views")),
            out_of_scope=tuple(values.pop("out_of_scope", ())),
            limits=tuple(values.pop("limits", ())),
            sources=tuple(values.pop("sources")),
            teachers=tuple(values.pop("teachers", ())),
            validation=tuple(values.pop("validation", (9, 19))),
            **values,
        )
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"The recipe does not fit: {error}.") from error


def load_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        ValueError: The file is not TOML or does not describe a recipe.
    """
    try:
        return recipe_from(tomllib.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
