import pytest
import torch
import torch.nn.functional as F

from train.loss import class_weights, weighted_bce

NAN = float("nan")
LABELS = torch.tensor([[1, 1], [1, 0], [1, 0], [0, NAN]])


def test_weights_are_inverse_class_frequencies() -> None:
    expected = torch.tensor([[4 / 2, 3 / 4], [4 / 6, 3 / 2]])  # n / (2 n_class)
    torch.testing.assert_close(class_weights(LABELS), expected)


def test_classes_weigh_the_same_in_all() -> None:
    weights = class_weights(LABELS)
    for k in range(2):
        present, absent = (LABELS[:, k] == 1).sum(), (LABELS[:, k] == 0).sum()
        assert weights[1, k] * present == pytest.approx(float(weights[0, k] * absent))


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="with it and without it"):
        class_weights(torch.tensor([[1.0], [1.0]]))


def test_loss_agrees_with_pytorch_where_all_is_defined() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 1), torch.tensor([[1.0], [0], [1], [0], [0], [0]])
    weights = class_weights(labels)
    expected = F.binary_cross_entropy_with_logits(logits, labels, weights[labels.long()[:, 0]])
    torch.testing.assert_close(weighted_bce(logits, labels, weights), expected)


def test_undefined_labels_neither_cost_nor_teach() -> None:
    logits = torch.randn(4, 2, requires_grad=True)
    loss = weighted_bce(logits, LABELS, class_weights(LABELS))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[3, 1] == 0
    assert (logits.grad[:3] != 0).all()


def test_a_batch_without_any_defined_label_costs_nothing() -> None:
    labels = torch.tensor([[1, NAN], [0, NAN]])
    loss = weighted_bce(torch.zeros(2, 2), labels, torch.ones(2, 2))
    assert loss == pytest.approx(0.5 * float(torch.log(torch.tensor(2.0))))
