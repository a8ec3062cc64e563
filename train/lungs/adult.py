"""The head that tells adults from children, fitted when everything else has been learned.

A head that learns beside masks and kinds leans on what a few thousand films have in common: of
adults of another hospital it knew 0.69. This one reads the deepest level, averaged over the film,
by a logistic regression, which finds the optimum of what the finished network offers. Place by
place it knows collections better than ages: of the adults of one that it had not seen, radiography
or rsna, it told 0.983 and 0.992 then, and 0.993 and 0.998 averaged.
"""

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from train.augment import change_tone, draw_places, move
from train.lungs.batches import RANGES
from train.lungs.films import Pool
from train.lungs.network import LungNet

ROUNDS = 3  # over all films: as they are, and twice changed, so that a machine's tone is no age
# From 1e-3 to 1e-2 adults of a collection held out hardly differ.
PENALTY = 1e-3  # scikit-learn's C: the smaller, the stricter
STEPS = 150  # of the solver, at most; scikit-learn's own default is 100
BATCH = 64  # films a pass; random changes are drawn pass by pass, and depend on it


def fit_adult(network: LungNet, pool: Pool, table: pd.DataFrame) -> tuple[nn.Linear, np.ndarray]:
    """Fit the head.

    Args:
        pool: Training films, at the size the network was trained for last.
        table: Of its chest films, which come first; columns `adult`, `pneumonia` and `machine`,
            the last of children alone (`train.machines`).

    Returns:
        The head, and the probabilities (M,) of the well children, each told by a head that has
        seen no child's film of its machine.
    """
    told = table["adult"].notna().to_numpy().copy()  # PyTorch wants arrays it might write to
    # `OTHER_ADULTS` have no answer: they measure this head, which must not have learned from them.
    films = pool.films[: len(table)][told]
    table = table[told]
    adult = table["adult"].to_numpy() == 1
    sick = table["pneumonia"].to_numpy() == 1
    # Most adults here are well and most children sick: health must not pass for age.
    cell = 2 * adult + sick
    # So each of the four cells weighs the same, however many films it has.
    weights = (1 / np.bincount(cell, minlength=4).clip(1))[cell]
    # Films as they are come first: it is about those that the heads below are asked.
    rounds = [_describe(network, films, changed=bool(k), seed=k) for k in range(ROUNDS)]
    machine = table["machine"].to_numpy()
    well = ~adult & ~sick
    held_out = np.full(len(table), np.nan)
    # Only well children are asked: theirs is the share that the limit is set by. By machine, as a
    # clinic's is none of these: films held out by patients are known by their machine, and would
    # set the limit too low.
    for one in np.unique(machine[well]):
        apart = machine == one
        head = _fit_head(rounds, adult, weights, ~apart)
        held_out[apart & well] = _ask(head, rounds[0][apart & well])
    # What ships learns from every machine; the heads above only say how such a head does on one
    # that it has not seen.
    everything = np.ones(len(table), bool)
    return _fit_head(rounds, adult, weights, everything), held_out[well]


@torch.no_grad()
def _describe(network: LungNet, films: torch.Tensor, *, changed: bool, seed: int) -> np.ndarray:
    """(N, 192) float32: the deepest level of films (N, 1, S, S) uint8."""
    generator, parts = torch.Generator().manual_seed(seed), []
    for part in films.split(BATCH):
        shown = part.float() / 255
        if changed:
            shown = move(shown, draw_places(len(shown), RANGES, generator))
            shown = change_tone(shown, RANGES, generator)
        shown = shown.contiguous(memory_format=torch.channels_last)
        parts.append(network.describe(network.encode(shown)[-1]).numpy())
    return np.concatenate(parts)


def _fit_head(
    rounds: list[np.ndarray], adult: np.ndarray, weights: np.ndarray, chosen: np.ndarray
) -> nn.Linear:
    """On the chosen films, (N,) bool, of every round."""
    inputs = np.concatenate([described[chosen] for described in rounds])
    # Their sum is the number of films, as if none were weighted: C is set against the sum of the
    # losses, and means the same whatever the scale of the weights.
    weight = np.tile(weights[chosen] * chosen.sum() / weights[chosen].sum(), len(rounds))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=STEPS))
    model.fit(inputs, np.tile(adult[chosen], len(rounds)), logisticregression__sample_weight=weight)
    scaler, line = model[0], model[1]
    head = nn.Linear(inputs.shape[1], 1)
    # The scaling is folded into the line: what ships is one layer, on numbers as the network gives
    # them.
    slopes = line.coef_[0] / scaler.scale_
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(slopes)[None])
        head.bias.copy_(torch.from_numpy(line.intercept_ - slopes @ scaler.mean_))
    return head


@torch.no_grad()
def _ask(head: nn.Linear, described: np.ndarray) -> np.ndarray:
    """(N, D) float32 -> probabilities (N,)."""
    return head(torch.from_numpy(described))[:, 0].sigmoid().numpy()
