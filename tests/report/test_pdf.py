import io
from dataclasses import replace

import pypdf

from cxrapp.films.radiograph import Study
from cxrapp.model.gate import Verdict
from cxrapp.report.case import HeatMaps
from cxrapp.report.formats import FORMATS
from cxrapp.report.release import measure_threshold
from cxrapp.words import NOT_A_DIAGNOSIS, rate_words
from tests.report.cases import CARD, case, film, lung_parts, refused, tagged


def pages(*cases: object, identified: bool = False) -> list[str]:
    data = FORMATS["pdf"].write(CARD, cases, identified=identified)
    read = pypdf.PdfReader(io.BytesIO(data))
    for page in read.pages:
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)  # A4
    return [" ".join(page.extract_text().split()) for page in read.pages]


def test_one_page_a_film_with_all_that_is_known() -> None:
    first, second = pages(case(), refused(), identified=True)
    threshold = CARD.default_thresholds()["pneumonia"]
    chosen, tested = measure_threshold(CARD, "pneumonia", threshold)
    for text in (
        NOT_A_DIAGNOSIS,
        CARD.sha256,
        "Page 1 of 2",
        "SECRETSON GIVENHIDE",
        "87.3 %",
        "20.5 % overall",
        f"{100 * CARD.default_thresholds()['pneumonia']:.1f} %",
        f"where it was chosen: sensitivity {rate_words(chosen.sensitivity)}",
        f"On test films: sensitivity {rate_words(tested.sensitivity)}",
        "Call: unsure",
        "Grad-CAM, 7 x 7 cells",
        *CARD.limits,
    ):
        assert text in first, text
    assert "Page 2 of 2" in second and "Heat map: withheld" in second


def test_the_longest_texts_still_fill_one_page() -> None:
    reasons = tuple(f"Reason {k} is a long sentence about this film. " * 4 for k in range(12))
    long = replace(tagged(study=Study(uid=".".join(["1"] * 32))), name="n" * 255)
    texts = pages(case(long, verdict=Verdict("warn", reasons)), identified=True)
    assert len(texts) == 1
    assert "Reason 11" in texts[0] and CARD.limits[-1] in texts[0]


def test_films_of_any_shape_fit() -> None:
    tall = replace(film(), pixels=film().pixels[:, :40])
    flat = replace(film(), pixels=film().pixels[:30])
    assert len(pages(case(tall), case(flat), case(heat_maps=None))) == 3


def test_an_empty_heat_map_says_so_instead_of_painting_noise() -> None:
    heats = case().heat_maps
    empty = HeatMaps(heats.method, heats.unit, 0.0, heats.values * 0)
    (text,) = pages(case(heat_maps=empty))
    assert "No positive evidence for pneumonia anywhere on this film" in text


def test_what_the_typeface_lacks_is_spelled() -> None:
    (text,) = pages(case(film("胸 é Ж.dcm")), identified=True)
    assert "[U+80F8] é Ж.dcm" in text


def test_fonts_are_embedded() -> None:
    data = FORMATS["pdf"].write(CARD, [case()])
    fonts = pypdf.PdfReader(io.BytesIO(data)).pages[0]["/Resources"]["/Font"]
    used = [font.get_object() for font in fonts.values()]
    embedded = [font for font in used if "/FontDescriptor" in font]
    assert embedded and all("/FontFile2" in font["/FontDescriptor"] for font in embedded)


def test_the_page_says_how_much_evidence_lies_in_the_lungs() -> None:
    (page,) = pages(case(**lung_parts()))
    words = "60 % of the evidence is in the lungs (by chance 40 %), most in the left"
    assert f"Pneumonia: {words} lower zone." in page
    assert "edge of the lungs" not in pages(case())[0]
    (negative,) = pages(case(probabilities=(0.1, 0.2), **lung_parts()))
    assert "edge of the lungs" in negative
    assert "of the evidence" not in negative  # of next to none, where it lies would be a finding
