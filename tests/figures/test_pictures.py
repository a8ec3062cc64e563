import numpy as np

from cxrapp.figures.pictures import (
    COLOURS,
    film_picture,
    heat_picture,
    outline_picture,
    overlay_picture,
    signed_picture,
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


def test_what_speaks_for_and_against_differ_in_colour_and_zero_is_clear() -> None:
    heat = np.array([[-2.0, 0.0, 2.0, 1.0]], np.float32)
    against, zero, full, half = np.asarray(signed_picture(heat, 2.0, 1.0))[0].astype(int)
    assert zero[3] == 0
    assert against[3] == full[3] == 255
    assert 0 < half[3] < 255
    assert full[0] > full[2]
    assert against[2] > against[0]
    assert np.asarray(signed_picture(heat * 0, 0.0, 1.0))[..., 3].max() == 0


def test_outlines_are_the_edges_of_masks_and_nothing_else() -> None:
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 5:25, 5:20] = True
    masks[1, 10:40, 30:50] = True  # cut off by the film's own edge
    drawn = np.asarray(outline_picture(masks, width=2))[..., 3] > 0
    assert not (drawn & ~masks.any(0)).any()
    assert drawn[5:7, 5:20].all() and drawn[38:40, 30:50].all()
    assert not drawn[7:23, 7:18].any() and not drawn[12:38, 32:48].any()
