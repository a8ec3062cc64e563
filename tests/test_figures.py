import numpy as np

from cxrapp.figures import (
    COLOURS,
    film_figure,
    film_picture,
    heat_figure,
    heat_picture,
    overlay_picture,
)

FILM = film_picture(np.linspace(0, 1, 60 * 80, dtype=np.float32).reshape(60, 80))
HEAT = np.zeros((60, 80), np.float32)
HEAT[20:40, 20:40] = 2.0


def test_film_picture_keeps_every_grey_level() -> None:
    levels = np.arange(256, dtype=np.float32).reshape(16, 16) / 255
    np.testing.assert_array_equal(np.asarray(film_picture(levels)).ravel(), np.arange(256))


def test_without_heat_the_film_is_untouched() -> None:
    overlaid = np.asarray(overlay_picture(FILM, HEAT, scale=2.0, opacity=0.5))
    film = np.asarray(FILM.convert("RGB"))
    np.testing.assert_array_equal(overlaid[:20], film[:20])
    assert np.abs(overlaid[20:40, 20:40].astype(int) - film[20:40, 20:40]).mean() > 20


def test_opacity_goes_from_nothing_to_the_colour_itself() -> None:
    none = overlay_picture(FILM, HEAT, scale=2.0, opacity=0.0)
    np.testing.assert_array_equal(np.asarray(none), np.asarray(FILM.convert("RGB")))
    full = np.asarray(overlay_picture(FILM, HEAT, scale=2.0, opacity=1.0))
    brightest = [int(part) for part in COLOURS[-1].strip("rgb()").split(",")]
    assert full[30, 30].tolist() == brightest


def test_two_findings_on_one_scale_keep_their_order() -> None:
    strong, weak = (np.asarray(heat_picture(HEAT * f, 2.0, 1.0)) for f in (1.0, 0.5))
    assert strong[30, 30, :3].sum() > weak[30, 30, :3].sum()


def test_an_empty_map_is_drawn_as_no_heat() -> None:
    assert np.asarray(heat_picture(HEAT * 0, 0.0, 1.0))[..., 3].max() == 0


def test_film_keeps_its_aspect_and_is_upright() -> None:
    figure = film_figure(FILM, "Film")
    assert list(figure.layout.xaxis.range) == [0, 80]
    assert list(figure.layout.yaxis.range) == [60, 0]
    assert figure.layout.yaxis.scaleanchor == "x"


def test_colour_bar_has_the_maps_scale() -> None:
    marker = heat_figure(FILM, 1.7, "Heat").data[0].marker
    assert (marker.cmin, marker.cmax) == (0, 1.7)
    assert "logit" in marker.colorbar.title.text
