"""How a bundle does on a clinic's own labelled films, one finding at a time."""

from dataclasses import dataclass, replace

import numpy as np

from cxrapp.model.card import ModelCard
from cxrapp.model.scores import Scores
from cxrapp.site.recommend import Recommendation, plan_by_card, plan_by_films, recommend
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.curves import Roc, auroc_rate, roc
from cxrapp.statistics.operating_point import OperatingPoint, operating_point
from cxrapp.statistics.recalibration import SiteCalibration, fit_site_calibration
from cxrapp.statistics.sample_size import FilmsNeeded, patients_to_show, too_few
from cxrapp.words import threshold_words

GOOD_FILMS = 100  # of each kind; Vergouwe et al. (2005), Collins et al. (2016)

# What no measure of the films can find out; to be shown with every report.
CAVEATS = (
    "The labels are taken for the truth, and the films for those the clinic sees: if they were "
    "picked by diagnosis, the share of positive films, calibration in the large, the intercept and "
    "the total of films needed mean nothing.",
    "A threshold that is chosen on these films has a sensitivity that will be a little lower on "
    "other films; its interval allows for that.",
)


@dataclass(frozen=True)
class SiteReport:
    """One finding on a clinic's films. What the films cannot tell is None; `warnings` say why.

    Args:
        given: The finding it is asked of, if any: only films with that are counted.
        goal: The sensitivity to keep.
        films: With a label for the finding.
        patients: Whose films these are.
        positives, negatives: Films of each kind.
        own: What the bundle's default threshold does there.
        needed: Films for intervals of a given width.
        needed_basis: In words, what `needed` rests on.
    """

    finding: str
    given: str | None
    goal: float
    films: int
    patients: int
    positives: int
    negatives: int
    needed: FilmsNeeded
    needed_basis: str
    warnings: tuple[str, ...]
    auroc: Rate | None = None
    roc: Roc | None = None
    calibration: SiteCalibration | None = None
    own: OperatingPoint | None = None
    recommended: Recommendation | None = None

    @property
    def sound(self) -> bool:
        """Whether a threshold may be set by it: recommended, and nothing warns of it."""
        return self.recommended is not None and not self.warnings

    @property
    def many(self) -> bool:
        """Whether there are as many films of each kind as a calibration should rest on."""
        return min(self.positives, self.negatives) >= GOOD_FILMS


def site_scores(
    card: ModelCard, finding: str, labels: np.ndarray, logits: np.ndarray, patients: np.ndarray
) -> Scores:
    """The films with a label for the finding, and the bundle's probabilities; see `assess`."""
    defined = ~np.isnan(labels)
    probabilities = card.calibrations[card.index(finding)].probability(logits[defined])
    return Scores(labels[defined] == 1, probabilities, patients[defined])


def assess(
    card: ModelCard,
    finding: str,
    labels: np.ndarray,
    logits: np.ndarray,
    patients: np.ndarray,
    *,
    goal: float = 0.95,
    half_width: float = 0.05,
) -> SiteReport:
    """Measure one finding. Films without a label for it are left out.

    Args:
        card: Of the bundle that scored the films.
        finding: One of the card's.
        labels: (N,) float64: 1, 0 or NaN; a column of `SiteLabels.labels`.
        logits: (N,) the finding's, uncalibrated; a column of `Prediction.logits`.
        patients: (N,) int.
        goal: Sensitivity to keep, in (0, 1).
        half_width: Wanted for the 95 % intervals of sensitivity and specificity, in (0, 0.5).
    """
    k = card.index(finding)
    films = site_scores(card, finding, labels, logits, patients)
    reason = too_few(films)
    needed, basis = plan_by_card(card, finding, films, half_width)
    positives = int(films.labels.sum())
    report = SiteReport(
        finding,
        card.findings[k].given,
        goal,
        len(films.labels),
        len(np.unique(films.patients)),
        positives,
        len(films.labels) - positives,
        needed,
        basis,
        (reason,) if reason else (),
    )
    return report if reason else _measure(report, films, card.default_thresholds()[finding])


def _measure(report: SiteReport, films: Scores, threshold: float) -> SiteReport:
    own = operating_point(films, threshold)
    recommended = recommend(films, report.goal)
    point = recommended.point if recommended else own
    needed, basis = plan_by_films(films, point, report.needed.half_width)
    report = replace(
        report,
        needed=needed,
        needed_basis=basis,
        auroc=auroc_rate(films),
        roc=roc(films),
        calibration=fit_site_calibration(films),
        own=own,
        recommended=recommended,
    )
    return replace(report, warnings=_warn(report))


def _warn(report: SiteReport) -> tuple[str, ...]:
    """What the reader of a measured report must know."""
    goal, recommended = f"{100 * report.goal:g} %", report.recommended
    sentences = []
    if not report.many:
        sentences.append(
            f"There are {report.positives:,} films with the finding and {report.negatives:,} "
            f"without it; at least {GOOD_FILMS} of each are advised."
        )
    if report.auroc.value == 1:
        sentences.append(
            "Every film with the finding scores above every film without it: these films are too "
            "few, or too easy, to say how well the two can be told apart elsewhere."
        )
    if report.calibration.slope is None:
        sentences.append(
            "The slope and intercept of the calibration cannot be estimated: the score separates "
            "the films with and without the finding all but perfectly, or is the same for all."
        )
    if recommended is None:
        sentences.append(
            f"No threshold is recommended: only calling every film positive would keep a "
            f"sensitivity of {goal}."
        )
    elif not recommended.shown:
        found = recommended.point.sensitivity
        sentences.append(
            f"The films cannot show that a threshold keeps a sensitivity of {goal}: "
            f"{threshold_words(recommended.threshold.value)} gave {100 * found.value:.1f} % on "
            f"these films, and the true value may be as low as {100 * found.low:.1f} %. It takes "
            f"{patients_to_show(report.goal):,} patients with the finding to show it, and then "
            "only by missing none of them."
        )
    if recommended and recommended.point.false_negatives == 0:
        sentences.append(
            f"No film was missed at {threshold_words(recommended.threshold.value)}, so these films "
            "cannot show how much lower it would have to be for other patients."
        )
    return tuple(sentences)
