"""Screen films: one page from upload to decision, with one threshold a finding behind it all."""

import streamlit as st

from cxrapp.bundle import Bundle
from cxrapp.card import Finding, ModelCard
from cxrapp.decision import Decision, decide
from cxrapp.explain import grad_cams
from cxrapp.figures import film_figure, heat_figure, overlay_picture
from cxrapp.pages.bundles import choose_bundle
from cxrapp.pages.consequences import show_consequences
from cxrapp.pages.films import Film, collect_films, sample_films
from cxrapp.pages.worklist import show_worklist
from cxrapp.radiograph import Rejection

OUTCOME_COLOURS = {"positive": "red", "negative": "blue", "not asked": "gray"}
PLOT = {"displaylogo": False, "displayModeBar": False, "scrollZoom": True}


def show() -> None:
    """The page."""
    bundle = choose_bundle()
    st.caption(
        f"**For:** {bundle.card.intended_use} Not a diagnosis. Films stay in this session and on "
        "this machine."
    )
    films, rejections = collect_films(bundle)
    if not films and not rejections:
        films = _offer_samples(bundle)
    _show_rejections(rejections)
    if films:
        _workbench(bundle, films, rejections)


def _offer_samples(bundle: Bundle) -> list[Film]:
    if st.session_state.get("samples"):
        st.caption(
            "Six sample films (Kermany et al., 2018, CC BY 4.0), none used in training; the file "
            "name tells the published label."
        )
        return sample_films(bundle)
    st.button("Try it on six sample films", key="samples_button", on_click=_choose_samples)
    return []


def _choose_samples() -> None:
    st.session_state["samples"] = True


def _show_rejections(rejections: list[Rejection]) -> None:
    if rejections:
        lines = [f"- {_plain(r.name)}: {_plain(r.reason)}" for r in rejections[:10]]
        if len(rejections) > 10:
            lines.append(f"- and {len(rejections) - 10} more, all listed in the table to download")
        count = "1 file was" if len(rejections) == 1 else f"{len(rejections)} files were"
        st.warning("\n".join([f"{count} not screened:", *lines]))


@st.fragment  # a threshold moves everything in here and nothing else
def _workbench(bundle: Bundle, films: list[Film], rejections: list[Rejection]) -> None:
    card = bundle.card
    thresholds = {f.name: _current_threshold(card, f.name) for f in card.findings}
    chosen = films[0]
    if len(films) > 1:
        chosen = show_worklist(card, films, rejections, thresholds)

    if chosen.withheld:
        _show_refusal(chosen)
        return
    if chosen.verdict.reasons:
        st.warning(_verdict_words(chosen))
    decisions = decide(card, chosen.prediction.probabilities, thresholds)
    film_cell, heat_cell, findings_cell, roc_cell = st.columns([1.15, 1.15, 0.9, 1])
    with findings_cell:
        finding = _show_findings(card, decisions)
    with film_cell:
        figure = film_figure(chosen.picture, "Film")
        st.plotly_chart(figure, key="film", theme=None, config=PLOT)
        st.caption(_plain(chosen.name))
    with heat_cell:
        _show_heat_map(bundle, chosen, finding)
    with roc_cell:
        show_consequences(card, finding, thresholds[finding.name])


def _show_refusal(film: Film) -> None:
    """The film and why it has no result, with the way to see it all the same."""
    picture, reasons = st.columns([1.15, 1.9])
    with picture:
        st.plotly_chart(film_figure(film.picture, "Film"), key="film", theme=None, config=PLOT)
        st.caption(_plain(film.name))
    with reasons:
        st.error(_verdict_words(film))
        st.caption(
            "The numbers of this model were measured on films unlike this one and say nothing "
            "about it. A result shown all the same stays marked, here and in the table."
        )
        st.button("Show the result all the same", on_click=film.overrule)


def _verdict_words(film: Film) -> str:
    heading = {
        (False, "warn"): "Read this result with care.",
        (False, "refuse"): "Not screened.",
        (True, "refuse"): "Refused, and shown at the reader's own choice.",
    }[film.overruled, film.verdict.outcome]
    return "\n".join([f"**{heading}**", *(f"- {_plain(r)}" for r in film.verdict.reasons)])


def _current_threshold(card: ModelCard, finding: str) -> float:
    """The slider's value; the card's default until it is moved."""
    key = _slider_key(card, finding)
    return st.session_state.setdefault(key, card.default_thresholds()[finding])


def _slider_key(card: ModelCard, finding: str) -> str:
    return f"threshold {finding} {card.sha256}"


def _show_findings(card: ModelCard, decisions: tuple[Decision, ...]) -> Finding:
    """Probability, decision and threshold of each finding; returns the one to look at."""
    names = {finding.positive.capitalize(): finding for finding in card.findings}
    chosen = st.segmented_control(
        "Heat map and curve for",
        list(names),
        default=next(iter(names)),
        required=True,
        key="shown",
        wrap=True,
        persist_state="session",
    )
    for finding, decision, points in zip(
        card.findings, decisions, card.operating_points, strict=True
    ):
        with st.container(border=True):
            st.markdown(
                f"**{finding.positive.capitalize()}** "
                f":{OUTCOME_COLOURS[decision.outcome]}-badge[{_outcome_words(finding, decision)}]"
            )
            given = f" if {finding.given}" if finding.given else ""
            st.progress(
                decision.probability, f"probability{given} **{_percent(decision.probability)}**"
            )
            key = _slider_key(card, finding.name)
            st.slider(
                f"{finding.positive.capitalize()} threshold",
                0.001,
                0.999,
                step=0.001,
                format="%.3f",
                key=key,
                persist_state="session",
            )
            _offer_points(key, points)
    return names[chosen]


def _offer_points(key: str, points: dict[str, float]) -> None:
    """The card's operating points, as buttons in a menu that set the slider."""
    with st.popover("Set by goal", width="stretch"):
        st.caption(
            "Chosen on validation patients; goals are met by the lower bound of the 95 % interval."
        )
        for name, threshold in points.items():
            st.button(
                f"{name[0].upper()}{name[1:]}: {threshold:.3f}",
                key=f"{key} {name}",
                on_click=st.session_state.__setitem__,
                args=(key, threshold),
                width="stretch",
            )


def _outcome_words(finding: Finding, decision: Decision) -> str:
    if decision.outcome == "not asked":
        return f"not asked without {finding.given}"
    return f"{decision.outcome}: {getattr(finding, decision.outcome)}"


def _show_heat_map(bundle: Bundle, film: Film, finding: Finding) -> None:
    cams = grad_cams(bundle, film.prediction.feature_map)  # (K, h, w), one scale a film
    cam, scale = cams[bundle.card.index(finding.name)], float(cams.max())
    opacity = st.session_state.setdefault("opacity", 45)
    shape = film.picture.size[::-1]
    heat = bundle.card.preprocessing.to_image(cam, shape)
    picture = overlay_picture(film.picture, heat, scale, opacity / 100)
    title = f"What speaks for {finding.positive}"
    st.plotly_chart(heat_figure(picture, scale, title), key="heat", theme=None, config=PLOT)
    st.slider("Heat map opacity, %", 0, 100, step=5, key="opacity", persist_state="session")
    if cam.max() <= 0:
        st.caption(f"No positive evidence for {finding.positive} anywhere on this film.")
    else:
        h, w = cam.shape
        st.caption(
            f"Grad-CAM, {h} x {w} cells smoothed; the scale is this film's, shared by its "
            "findings. It shows what moved the score, not where disease is."
        )


def _percent(probability: float) -> str:
    """No network is certain: 100.0 % and 0.0 % are never shown."""
    if probability > 0.999:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"


def _plain(text: str) -> str:
    """Text from outside, so that Markdown shows it as it is."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()<>#+-.!|~$:&" else c for c in text)
