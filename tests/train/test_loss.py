import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from train.loss import LARGEST, disagreement, film_weights, weighted_bce

NAN = float("nan")
LABELS = torch.tensor([[1, 1], [1, 0], [1, 0], [0, NAN]])
FINDINGS = ["pneumonia", "viral"]


def make_table(labels: torch.Tensor, source: str = "a", split: str = "train") -> pd.DataFrame:
    return pd.DataFrame(labels.numpy(), columns=FINDINGS[: labels.shape[1]]).assign(
        source=source, split=split
    )


def test_weights_are_inverse_class_frequencies() -> None:
    weights = film_weights(make_table(LABELS), FINDINGS)  # n / (2 n_class)
    expected = [[4 / 6, 3 / 2], [4 / 6, 3 / 4], [4 / 6, 3 / 4], [4 / 2, 0]]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_both_answers_weigh_the_same_in_every_source() -> None:
    many = torch.tensor([[1.0]] * 9 + [[0.0]])
    few = torch.tensor([[1.0]] + [[0.0]] * 3)
    table = pd.concat([make_table(many, "a"), make_table(few, "b")], ignore_index=True)
    weights = film_weights(table, FINDINGS[:1])[:, 0]
    for source in ("a", "b"):
        rows = (table["source"] == source).to_numpy()
        present = (table["pneumonia"] == 1).to_numpy()
        assert weights[rows & present].sum() == pytest.approx(weights[rows & ~present].sum())


def test_frequencies_are_those_of_training() -> None:
    train = make_table(torch.tensor([[1.0], [0.0]]))
    other = make_table(torch.tensor([[1.0]] * 8), split="validation")
    weights = film_weights(pd.concat([train, other], ignore_index=True), FINDINGS[:1])
    np.testing.assert_allclose(weights, 1)


def test_a_source_of_one_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="with pneumonia and without it"):
        film_weights(make_table(torch.tensor([[1.0], [1.0]])), FINDINGS[:1])


def test_sources_may_be_weighed_together() -> None:
    ill, well = make_table(torch.ones(3, 1), "a"), make_table(torch.zeros(1, 1), "b")
    table = pd.concat([ill, well], ignore_index=True)
    weights = film_weights(table, FINDINGS[:1], balance="all")[:, 0]
    np.testing.assert_allclose(weights, [4 / 6] * 3 + [4 / 2])


def test_a_finding_that_no_film_defines_is_refused() -> None:
    with pytest.raises(ValueError, match="Every finding needs"):
        film_weights(make_table(torch.tensor([[1, NAN], [0, NAN]])), FINDINGS)


def test_loss_and_smoothing_agree_with_pytorch_where_all_is_defined() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 1), torch.tensor([[1.0], [0], [1], [0], [0], [0]])
    weights = torch.tensor(film_weights(make_table(labels), FINDINGS[:1]))
    expected = F.binary_cross_entropy_with_logits(logits, labels, weights)
    torch.testing.assert_close(weighted_bce(logits, labels, weights), expected)
    two = torch.cat([torch.zeros_like(logits), logits], 1)  # softmax of two is the sigmoid
    expected = F.cross_entropy(two, labels[:, 0].long(), label_smoothing=0.1)
    torch.testing.assert_close(weighted_bce(logits, labels, torch.ones(6, 1), 0.1), expected)


def test_undefined_labels_neither_cost_nor_teach() -> None:
    logits = torch.randn(4, 2, requires_grad=True)
    loss = weighted_bce(logits, LABELS, torch.tensor(film_weights(make_table(LABELS), FINDINGS)))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[3, 1] == 0
    assert (logits.grad[:3] != 0).all()


def test_a_batch_without_any_defined_label_costs_nothing() -> None:
    labels = torch.tensor([[1, NAN], [0, NAN]])
    loss = weighted_bce(torch.zeros(2, 2), labels, torch.ones(2, 2))
    assert loss == pytest.approx(0.5 * float(torch.log(torch.tensor(2.0))))


def test_answers_can_be_made_independent_of_the_machine() -> None:
    """A made 6 of the sick and 2 of the well, B 1 and 3: weighed, both make as many of each."""
    labels = torch.tensor([[1.0]] * 6 + [[0.0]] * 2 + [[1.0]] + [[0.0]] * 3)
    table = make_table(labels).assign(machine=["A"] * 8 + ["B"] * 4)
    weights = film_weights(table, FINDINGS[:1], balance="machine")[:, 0]
    sums = table.assign(weight=weights).groupby(["machine", "pneumonia"])["weight"].sum()
    shares = sums / sums.groupby("pneumonia").transform("sum")
    assert shares["A"].tolist() == pytest.approx([8 / 12] * 2)
    alone = table.assign(machine=["A"] * 7 + ["B"] * 5)  # a machine of nearly the sick alone
    assert film_weights(alone, FINDINGS[:1], balance="machine").max() <= LARGEST * 12 / (2 * 5)


def test_two_answers_disagree_by_their_probabilities() -> None:
    one, other = torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, -2.0]])
    apart = 2 * torch.tensor(2.0).sigmoid() - 1  # of one finding in two
    assert disagreement(one, other) == pytest.approx(float(apart**2 / 2))
    assert disagreement(one, one) == 0
