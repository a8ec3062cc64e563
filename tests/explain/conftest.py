import numpy as np
import pytest

from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import Prediction, predict


@pytest.fixture(scope="session")
def film(bundle: Bundle, films: list[Radiograph]) -> np.ndarray:
    """A film of pneumonia as the network sees it."""
    return bundle.card.preprocessing.to_input(films[3].pixels)


@pytest.fixture(scope="session")
def prediction(bundle: Bundle, films: list[Radiograph]) -> Prediction:
    """What the network says of it."""
    return predict(bundle, films[3:4])[0]
