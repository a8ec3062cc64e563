"""Binary cross-entropy, weighted per finding by inverse class frequency, NaN left out."""

import torch
import torch.nn.functional as F


def class_weights(labels: torch.Tensor) -> torch.Tensor:
    """Inverse class frequencies, n / (2 n_class), of each finding.

    Args:
        labels: (N, K) float32: 1, 0 or NaN.

    Returns:
        (2, K) float32: weight of an absent and of a present finding.

    Raises:
        ValueError: A finding has only one class, so there is nothing to learn.
    """
    present, absent = (labels == 1).sum(0), (labels == 0).sum(0)
    if (present == 0).any() or (absent == 0).any():
        raise ValueError("Every finding needs training films with it and without it.")
    return (present + absent) / (2 * torch.stack([absent, present]))


def weighted_bce(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean over findings of the mean weighted loss over the films where the finding is defined.

    Args:
        logits: (N, K) float32.
        labels: (N, K) float32: 1, 0 or NaN.
        weights: (2, K) float32 from `class_weights`.
    """
    defined = ~labels.isnan()
    # Filled before the loss, not masked after it: NaN times zero would poison the gradient.
    filled = labels.nan_to_num()
    loss = F.binary_cross_entropy_with_logits(logits, filled, reduction="none")
    loss = loss * torch.where(filled == 1, weights[1], weights[0]) * defined
    return (loss.sum(0) / defined.sum(0).clamp(min=1)).mean()
