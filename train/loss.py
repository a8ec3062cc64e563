"""Binary cross-entropy, weighted by inverse class frequency within a source, NaN left out; and how
far two answers about one film are apart.
"""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

LARGEST = 8.0  # weight of a film, so that the one well film of a machine does not outweigh hundreds


def film_weights(table: pd.DataFrame, findings: list[str], balance: str = "source") -> np.ndarray:
    """Inverse class frequencies, n / (2 n_class), of each finding within each source.

    Both answers weigh the same in every source, so a network gains nothing by telling sources
    apart. Frequencies are counted on the training films.

    Args:
        table: Films with the columns `split`, `source`, one a finding and, for that balance,
            `machine`.
        balance: `machine` makes the answer independent of the machine as well, as far as weights
            up to `LARGEST` can (reweighing: Kamiran and Calders, 2012). `all` counts all films
            together, and telling sources apart may well be what is learned.

    Returns:
        (N, K) float32, one row a film of the table; 0 where the finding is not defined.

    Raises:
        ValueError: A source has films of one answer only.
    """
    weights = np.zeros((len(table), len(findings)), np.float32)
    for k, finding in enumerate(findings):
        for source, rows in [("All", table)] if balance == "all" else table.groupby("source"):
            labels = rows.loc[rows["split"] == "train", finding]
            absent, present = (labels == 0).sum(), (labels == 1).sum()
            if absent + present == 0:
                continue  # a source may leave a question out: it then says nothing about it
            if absent == 0 or present == 0:
                raise ValueError(
                    f"{source}: training needs films with {finding} and without it, not of one "
                    "kind only."
                )
            # Both answers together weigh as many films as there are: rarer ones more, common ones
            # less, and the mean loss keeps its size from source to source.
            pair = (absent + present) / (2 * np.array([absent, present]))
            # Validation films too, by the frequencies of training: what they weigh must not hang on
            # who happened to be set apart.
            defined = rows.index[rows[finding].notna()]
            weights[table.index.get_indexer(defined), k] = pair[
                rows.loc[defined, finding].astype(int)
            ]
        # On top of the balance by source: within it, every machine then has its share of both
        # answers, as far as it made films of both.
        if balance == "machine":
            weights[:, k] *= _independence(table, finding)
    if (weights == 0).all(0).any():
        raise ValueError("Every finding needs training films with it and without it.")
    return weights


def _independence(table: pd.DataFrame, finding: str) -> np.ndarray:
    """(N,) P(answer) P(machine) / P(answer, machine) among the training films of each source."""
    train = table[(table["split"] == "train") & table[finding].notna()]
    answers = train.groupby(["source", finding]).size() / train.groupby("source").size()
    machines = train.groupby(["source", "machine", finding]).size()
    machines = machines / train.groupby(["source", "machine"]).size()  # P(answer | machine)
    keys = zip(table["source"], table["machine"], table[finding], strict=True)
    factors = [
        answers.get((source, answer), 1.0) / machines.get((source, machine, answer), 1.0)
        for source, machine, answer in keys
    ]
    return np.minimum(factors, LARGEST).astype(np.float32)


def weighted_bce(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Mean over findings of the mean weighted loss over the films where the finding is defined.

    Args:
        logits: (N, K) float32.
        labels: (N, K) float32: 1, 0 or NaN.
        weights: (N, K) float32 from `film_weights`.
        smoothing: How far a label is moved towards one half (Szegedy et al., 2016): 0.1 makes
            0.95 of 1.
    """
    defined = ~labels.isnan()
    # One mean a finding, and their mean: a question asked of few films counts as much as one asked
    # of all.
    # Filled before the loss, not masked after it: NaN times zero would poison the gradient.
    targets = labels.nan_to_num() * (1 - smoothing) + smoothing / 2
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    loss = loss * weights * defined
    return (loss.sum(0) / defined.sum(0).clamp(min=1)).mean()


def disagreement(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of the probabilities that two copies of each film were given.

    Of all findings, also where nobody knows the answer: a film's tone must not change it (Sajjadi
    et al., "Regularization with stochastic transformations and perturbations", 2016).

    Args:
        one: (N, K) float32 logits, of the films in one style.
        other: (N, K), of the same films in another.
    """
    return (one.sigmoid() - other.sigmoid()).square().mean()
