"""Calibration and operating points, fitted on validation patients only."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cxrapp.model.card import Calibration
from cxrapp.model.scores import Scores
from cxrapp.statistics.thresholds import round_down, round_up, threshold_for, youden_threshold

MAX_MISLABELLED = 0.4  # with more, present and absent could change places
# The card says which goal a threshold is for by these very words.
SCREENING_GOAL = "sensitivity at least 95 %"
YOUDEN = "balanced (Youden)"


def fit_calibration(labels: np.ndarray, logits: np.ndarray) -> Calibration:
    """Platt scaling (Platt, 1999): what a card says of the films it was set on, and no more.

    Class weights shift the log-odds, so the intercept matters as much as the slope.

    Args:
        labels: (N,) bool.
        logits: (N,) float64.
    """
    # No penalty: two parameters on hundreds of films need none, and it would flatten every slope.
    model = LogisticRegression(C=np.inf).fit(logits[:, None], labels)
    return Calibration(float(model.coef_[0, 0]), float(model.intercept_[0]))


def fit_noisy_calibration(labels: np.ndarray, logits: np.ndarray) -> Calibration:
    """The same with wrong labels, where the films show that there are some.

    Labels may be wrong at rates of their own: P(labelled 1) = a + (1 - a - b) P(truly 1)
    (Bootkrajang and Kaban, "Label-noise robust logistic regression", 2012). Of the two models the
    one with the lower Akaike information criterion is kept. For thousands of opinions and not for a
    card: on a few hundred films the rates explain away whatever a network does not know, and what
    is left is a step from 0 to 1.
    """
    plain = fit_calibration(labels, logits)
    # Scaled logits, so that one start and one step suit every network.
    spread = logits.std()

    def loss(parameters: np.ndarray) -> float:
        slope, intercept, wrong_absent, wrong_present = parameters
        truth = expit(slope / spread * logits + intercept)
        labelled = wrong_absent + (1 - wrong_absent - wrong_present) * truth
        return -float(np.log(np.clip(np.where(labels, labelled, 1 - labelled), 1e-12, 1)).mean())

    start = [plain.slope * spread, plain.intercept, 0.0, 0.0]
    bounds = [(0, None), (None, None), (0, MAX_MISLABELLED), (0, MAX_MISLABELLED)]
    # From several places: where a steep line and wrong labels explain the same films, the
    # likelihood has more than one top.
    starts = ([start[0] * steeper, start[1], rate, rate] for steeper in (1, 3) for rate in (0, 0.1))
    fits = [minimize(loss, x, method="L-BFGS-B", bounds=bounds) for x in starts]
    best = min(fits, key=lambda fit: fit.fun)
    # Two more parameters must earn their place.
    if len(labels) * (loss(np.array(start)) - best.fun) <= 2:
        return plain
    slope, intercept, *mislabelled = (float(value) for value in best.x)
    # Back to the scale of the network's own logits, which is what a film is scored in.
    return Calibration(slope / float(spread), intercept, (mislabelled[0], mislabelled[1]))


def find_operating_points(scores: Scores, *, screens: bool) -> dict[str, float]:
    """Name -> threshold; the default first. A goal the films cannot show is left out, and one that
    only calling every film, or none, would keep.

    Goals are met by the lower bound of the interval. Thresholds have three decimals, as a slider
    does, rounded to the side that keeps the goal.

    Args:
        screens: Begin with a sensitivity. Youden's point weighs a miss like a false alarm, and on a
            nearly perfect curve a handful of films decide where it lies.
    """
    goals = {
        YOUDEN: (round_down, youden_threshold(scores)),
        SCREENING_GOAL: (round_down, threshold_for(scores, sensitivity=0.95)),
        "sensitivity at least 98 %": (round_down, threshold_for(scores, sensitivity=0.98)),
        "specificity at least 90 %": (round_up, threshold_for(scores, specificity=0.90)),
    }
    # A goal that the films cannot show, or only by calling all of them alike, is no point. Youden's
    # is one whatever it does: some default there must be.
    lowest, highest = scores.probabilities.min(), scores.probabilities.max()
    points = {
        name: to(t)
        for name, (to, t) in goals.items()
        if t is not None and (name == YOUDEN or lowest < to(t) <= highest)
    }
    # The first is the default: a screening that misses a child does more harm than one that calls a
    # well one back.
    first = {name: t for name, t in points.items() if screens and name == SCREENING_GOAL}
    return first | points
