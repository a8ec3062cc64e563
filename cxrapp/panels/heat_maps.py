"""The viewer's panes: the film, and what speaks for each finding, on one scale a method."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cxrapp.explain import METHODS, Explanation
from cxrapp.explain.trust import MethodAgreement, compare_methods, evidence_in_lungs
from cxrapp.figures.pictures import AGAINST, COLOURS, FOR, data_url, outline_picture
from cxrapp.model.bundle import Bundle
from cxrapp.model.card import Finding
from cxrapp.model.decision import Decision
from cxrapp.panels.open_film import person_facts
from cxrapp.panels.viewer import Pane, Scale, show_viewer
from cxrapp.runtime.network_queue import NETWORK
from cxrapp.session.film import Film
from cxrapp.session.map_cache import Drawn, draw
from cxrapp.session.session import Session
from cxrapp.session.worklist import Result
from cxrapp.words import agreement_words, capitalised, evidence_words

NONE = "no second method"
OUTLINE_SIDE = 640  # pixels; the browser stretches it over the film
KEPT = 40  # explanations a session holds; some take many seconds to make


def show_film(session: Session, film: Film, result: Result, title: str) -> None:
    """The bare film."""
    show_viewer(session, film, [_film_pane(film, title)], lungs=_outlines(result))


def show_maps(
    session: Session, bundle: Bundle, film: Film, result: Result, finding: Finding, title: str
) -> None:
    """The film and every finding's map by one method or two.

    Args:
        finding: Whose map comes first.
        title: Of the film.
    """
    card, decisions = bundle.card, session.decide(bundle.card, result)
    # A map of a finding that was not asked would look like evidence.
    asked = [k for k, decision in enumerate(decisions) if decision.outcome != "not asked"]
    place = st.empty()
    first, second, help_cell = st.columns([1, 1, 0.75], gap="xsmall")
    chosen = _choose_methods(first, second)
    names = [name for name in chosen if name != NONE]
    session.methods = tuple(names)
    slow = [name for name in names if not METHODS[name].quick]
    late = [name for name in slow if (film.key, card.sha256, name) not in session.drawn]
    drawn = [_explain(session, bundle, film, result, n) for n in names if n not in late]
    panes, scales = [_film_pane(film, title)], []
    for one in drawn:
        for k in asked:
            name = f"{one.explanation.method.name}: {card.findings[k].positive}"
            panes.append(Pane(name, one.pictures[k], _note(one, k, decisions[k])))
        scales.append(_scale(one.explanation, one.scale))
    k = card.index(finding.name)
    with place:
        show_viewer(
            session,
            film,
            panes,
            scales=scales,
            preferred=1 + asked.index(k) if drawn and k in asked else 0,
            lungs=_outlines(result),
        )
    if late:  # the film and what is ready can be read while they are made
        for name in late:
            _explain(session, bundle, film, result, name)
        st.rerun()
    with help_cell.popover("How to read it", width="stretch"):
        for one in drawn:
            st.markdown(_words(one.explanation, card.findings))
    if found := compare_chosen(session, bundle, film, result):
        for k in asked:
            _show_agreement(bundle, found, k)


def compare_chosen(
    session: Session, bundle: Bundle, film: Film, result: Result
) -> MethodAgreement | None:
    """Agreement of the two methods that are chosen, where both were drawn for this film."""
    names = session.methods
    drawn = [session.drawn.get((film.key, bundle.card.sha256, name)) for name in names]
    if len(drawn) < 2 or None in drawn:
        return None
    inputs = bundle.card.preprocessing.to_input(film.unpack().pixels)
    explanations = (one.explanation for one in drawn)
    return compare_methods(*explanations, bundle, inputs, result.prediction.feature_map)


def _film_pane(film: Film, title: str) -> Pane:
    """The bare film, with what its file says about it."""
    tags, facts = film.tags, person_facts(film, datetime.now(), identified=False)
    return Pane(title, note=" · ".join((*facts, *filter(None, (tags.view, tags.modality)))))


def _outlines(result: Result) -> str:
    """The lungs' outlines for the browser, empty where nobody looked for them."""
    if result.lungs is None:
        return ""
    masks = result.lungs.lay_over((OUTLINE_SIDE, OUTLINE_SIDE))
    return data_url(outline_picture(masks), "PNG")


def _choose_methods(first: DeltaGenerator, second: DeltaGenerator) -> tuple[str, str]:
    names = list(METHODS)
    labels = {name: name if METHODS[name].quick else f"{name} (takes a while)" for name in names}
    options = {
        "label_visibility": "collapsed",
        "persist_state": "session",
        "format_func": lambda n: labels.get(n, n),
    }
    return (
        first.selectbox("Method", names, key="method", **options),
        second.selectbox("Second method", [NONE, *names], key="second method", **options),
    )


def _explain(session: Session, bundle: Bundle, film: Film, result: Result, name: str) -> Drawn:
    """One method's maps and pictures, from memory where they were made before.

    Touching any control while a slow method runs ends it: Streamlit stops the script at the next
    sign of progress.
    """
    kept = session.drawn
    key = (film.key, bundle.card.sha256, name)
    if key not in kept:
        method, feature_map = METHODS[name], result.prediction.feature_map
        pixels = film.unpack().pixels
        inputs = bundle.card.preprocessing.to_input(pixels)
        if method.quick:
            explanation = method(bundle, inputs, feature_map)
        else:
            bar = st.progress(0.0, _waiting_words(name))
            explanation = method(
                bundle, inputs, feature_map, lambda done: bar.progress(done, _waiting_words(name))
            )
            bar.empty()
        found = None
        if result.lungs:
            found = evidence_in_lungs(explanation.maps, result.lungs, bundle.card)
        kept[key] = draw(explanation, bundle.card.preprocessing, found)
        while len(kept) > KEPT:
            kept.pop(next(iter(kept)))
    return kept[key]


def _waiting_words(name: str) -> str:
    words = f"{name}: the film is scored again and again"
    if others := len(NETWORK):
        words += f", with {others} other{'s' if others > 1 else ''} in the network queue"
    return words


def _note(drawn: Drawn, k: int, decision: Decision) -> str:
    """What stands under the map of finding k: how much of it lies in the lungs, and where most."""
    if drawn.explanation.maps[k].max() <= 0:
        return "Nothing here speaks for it"
    if decision.outcome == "negative":  # where the little lies would read as a finding
        return "Not enough to call it positive"
    if drawn.lungs is None:
        return ""
    words = evidence_words(drawn.lungs.inside[k], drawn.lungs.chance[k], drawn.lungs.zones[k])
    if drawn.lungs.is_low(k) and decision.outcome == "positive":
        return f"Only {words}: do not rely on it"
    return words


def _scale(explanation: Explanation, scale: float) -> Scale:
    unit = "log-odds" if explanation.method.unit == "logits" else "within a map"
    if explanation.method.signed:
        colours = (AGAINST, "rgb(20, 24, 30)", FOR)
        return Scale(f"{explanation.method.name} adds −{scale:.2g}", f"{scale:.2g}", unit, colours)
    return Scale(f"{explanation.method.name} adds 0", f"{scale:.2g}", unit, tuple(COLOURS[::32]))


def _words(explanation: Explanation, findings: Sequence[Finding]) -> str:
    seconds = explanation.seconds
    took = f"{seconds:.1f} s" if seconds >= 0.1 else f"{1000 * seconds:.0f} ms"
    words = f"**{explanation.method.name}**, {took}. {explanation.method.how_to_read}"
    if explanation.fits is None or explanation.noise_fits is None:
        return words
    fits = zip(findings, explanation.fits, explanation.noise_fits.T, strict=True)
    return f"{words} Fit: {', '.join(f'{f.positive} {_fit_words(*fit)}' for f, *fit in fits)}."


def _fit_words(fit: float, noise: np.ndarray) -> str:
    """LIME's fit of one finding, beside what it makes of noise."""
    words = f"**{fit:.2f}** (on pure noise {noise.mean():.2f})"
    if fit > max(0, noise.max()):
        return words
    return f"{words}, no better than on noise: do not rely on it"


def _show_agreement(bundle: Bundle, found: MethodAgreement, k: int) -> None:
    """Whether two methods point to the same places for finding k more than chance would."""
    name = capitalised(bundle.card.findings[k].positive)
    if not found.is_known(k):
        st.caption(f"{name}: a map is empty, so the two methods cannot be compared.")
        return
    above = found.is_above_chance(k)
    words = agreement_words(found.values[k], found.by_chance(k), above=above)
    (st.caption if above else st.warning)(f"{name}: the two methods {words}.")
