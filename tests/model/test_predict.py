import numpy as np

from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import BATCH, Screened, predict, screen


def test_prediction_has_the_documented_shapes(bundle: Bundle, films: list[Radiograph]) -> None:
    (prediction,) = predict(bundle, films[:1])
    assert prediction.logits.shape == prediction.probabilities.shape == (2,)
    assert prediction.feature_map.ndim == 3
    assert prediction.feature_map.min() >= 0  # after the last ReLU
    assert ((prediction.probabilities > 0) & (prediction.probabilities < 1)).all()


def test_a_batch_scores_like_its_films_alone(bundle: Bundle, films: list[Radiograph]) -> None:
    together = predict(bundle, films)
    for film, prediction in zip(films, together, strict=True):
        (alone,) = predict(bundle, [film])
        np.testing.assert_allclose(prediction.logits, alone.logits, atol=1e-4)


def test_probability_is_the_calibrated_logit(bundle: Bundle, films: list[Radiograph]) -> None:
    (prediction,) = predict(bundle, films[:1])
    for k, calibration in enumerate(bundle.card.calibrations):
        odds = np.exp(calibration.slope * prediction.logits[k] + calibration.intercept)
        assert np.isclose(prediction.probabilities[k], odds / (1 + odds))


def test_the_sample_films_are_ranked_by_their_labels(
    bundle: Bundle, films: list[Radiograph]
) -> None:
    scores = {
        f.name: p.probabilities[0] for f, p in zip(films, predict(bundle, films), strict=True)
    }
    normal = [score for name, score in scores.items() if name.startswith("NORMAL")]
    pneumonia = [score for name, score in scores.items() if name.startswith("person")]
    assert np.mean(normal) < np.mean(pneumonia) - 0.2


def test_stream_keeps_order_and_passes_rejections(bundle: Bundle, films: list[Radiograph]) -> None:
    broken = Rejection("broken", "why")
    stream = [broken, *films, broken, *films, broken]
    assert len(stream) > BATCH
    results = list(screen(bundle, stream))
    names = [r.radiograph.name if isinstance(r, Screened) else r.name for r in results]
    assert names == [item.name for item in stream]


def test_stream_is_read_one_batch_at_a_time(bundle: Bundle, films: list[Radiograph]) -> None:
    taken = []

    def endless() -> object:
        while True:
            taken.append(1)
            yield films[len(taken) % len(films)]

    next(screen(bundle, endless()))
    assert len(taken) == BATCH
