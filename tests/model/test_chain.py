import numpy as np
import pytest

from cxrapp.model.card import Finding
from cxrapp.model.chain import class_names, joint_probabilities, read_classes

CHAIN = (
    Finding("pneumonia", "pneumonia", "normal"),
    Finding("viral", "viral", "bacterial", given="pneumonia"),
    Finding("covid19", "COVID-19", "other viral", given="viral"),
)


def test_classes_follow_the_chain() -> None:
    assert class_names(CHAIN) == ("normal", "bacterial", "other viral", "COVID-19")
    assert class_names(CHAIN[:1]) == ("normal", "pneumonia")
    for broken in ((CHAIN[0], CHAIN[0]), CHAIN[1:]):
        with pytest.raises(ValueError, match="given"):
            class_names(broken)


def test_joint_probabilities_multiply_along_the_chain() -> None:
    joint = joint_probabilities(np.array([[0.8, 0.5, 0.25], [0.0, 1.0, 1.0]]))
    np.testing.assert_allclose(joint, [[0.2, 0.4, 0.3, 0.1], [1, 0, 0, 0]])


def test_a_class_is_the_first_no_or_the_last_yes() -> None:
    values = np.array([[0, 1, 1], [1, 0, np.nan], [1, 1, 1], [np.nan, 1, 1], [1, np.nan, 0]])
    np.testing.assert_array_equal(read_classes(values), [0, 1, 3, -1, -1])
