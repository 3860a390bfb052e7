import io

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from model_core.arrays.codes import IGNORE
from model_core.arrays.confusion import FN, FP, TN, TP
from model_core.report.density_maps import DensityColumn, density_sheet
from model_core.report.maps import BLACK, CLASS_COLOURS, YELLOW, MapPanel, Rings, class_image, map_sheet, rgb, striped
from model_core.report.sheet import DPI, HIGHEST_IN, WIDTH_IN, layout, round_length_m

EXTENT = (0.0, 400.0, 0.0, 300.0)
SQUARE = np.array([[50.0, 50], [350, 50], [350, 250], [50, 250], [50, 50]])


def decoded(png):
    """(H, W, 3) from 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def share(image, colour):
    """Part of the picture that has a colour."""
    return (np.abs(image.astype(int) - np.round(255 * np.array(colour))).max(axis=2) <= 2).mean()


def panel(colour=(1.0, 1.0, 1.0), **changes):
    return MapPanel(**{"title": "2015", "image": np.broadcast_to(colour, (30, 40, 3)), "extent_m": EXTENT, "scale": False, **changes})


def column(*values, texts=("n = 4", "peak 1.0")):
    fields = [np.full((30, 40), float(value)) for value in values]
    return DensityColumn("2015", fields, [texts] * len(fields))


def densities(*columns, rows=3, remark=""):
    return decoded(density_sheet(columns, ("drawn", "mapped", "difference")[:rows], EXTENT, [SQUARE], "landslides/km²", "r = 3 m", remark))


@pytest.mark.parametrize("n, extent_m", [(1, EXTENT), (2, (0, 100, 0, 1000)), (12, (0, 1000, 0, 100))])
def test_every_sheet_fits_on_a_printed_page(n, extent_m):
    maps = decoded(map_sheet([panel(extent_m=extent_m)] * n, "Simulated: no real place."))
    fields = decoded(density_sheet([column(1, 2, 1)] * n, ("drawn", "mapped", "difference"), extent_m, [], "n/km²", "r", "Simulated"))
    for height, width, _ in (maps.shape, fields.shape):
        assert width == WIDTH_IN * DPI and height <= HIGHEST_IN * DPI + 1


def test_panels_are_as_large_as_the_page_allows():
    assert layout(1, EXTENT, 0.5).wide_in == 5
    assert layout(4, EXTENT, 0.5).columns == 2
    assert layout(12, EXTENT, 0.5).columns == 3
    assert layout(6, EXTENT, 0.5, columns=3).columns == 3
    widths = [layout(n, EXTENT, 0.5).wide_in for n in range(1, 13)]
    assert widths == sorted(widths, reverse=True) and widths[-1] > 1.6


def test_all_panels_are_drawn_in_their_colours():
    image = decoded(map_sheet([panel(rgb(colour)) for colour in ("#d55e00", "#0072b2", "#e69f00")], ""))
    shares = [share(image, rgb(colour)) for colour in ("#d55e00", "#0072b2", "#e69f00")]
    assert min(shares) > 0.2 and max(shares) == pytest.approx(min(shares), rel=0.01)


def test_a_right_pixel_has_the_colour_of_the_legend_and_unjudged_ground_is_striped():
    classes = np.array([[TP, FP], [FN, TN]], np.uint8)
    image = class_image(classes, np.full((2, 2), 0.5))
    for code, colour in CLASS_COLOURS.items():
        np.testing.assert_allclose(image[classes == code], [rgb(colour)])
    np.testing.assert_allclose(image[1, 1], 0.8)
    assert len(np.unique(class_image(np.full((9, 9), IGNORE, np.uint8), None))) == 2


def test_class_colours_reach_the_print_and_its_legend():
    classes = np.repeat(np.array([[TP, FP, FN]], np.uint8), 30, axis=0).repeat(10, axis=1)
    image = decoded(map_sheet([panel(image=class_image(classes, None))], "", [(colour, "x") for colour in CLASS_COLOURS.values()]))
    for colour in CLASS_COLOURS.values():
        assert share(image, rgb(colour)) > 0.2
        assert share(image[-60:], rgb(colour)) > 0.005, "in the legend"


def test_stripes_leave_other_ground_alone():
    image = np.random.default_rng(0).random((8, 8, 3))
    where = np.zeros((8, 8), bool)
    where[2:5] = True
    out = striped(image, where)
    assert (out[~where] == image[~where]).all() and (out[where] != image[where]).any()


def test_outlines_are_drawn_and_explained_only_where_there_are_some():
    plain = panel((0.2, 0.2, 0.2))
    with_ring = panel((0.2, 0.2, 0.2), rings=[Rings([SQUARE], YELLOW, "drawn", 2.0)])
    without = panel((0.2, 0.2, 0.2), rings=[Rings([], YELLOW, "drawn")])
    assert share(decoded(map_sheet([with_ring], "")), rgb(YELLOW)) > 0.003
    assert (decoded(map_sheet([without], "")) == decoded(map_sheet([plain], ""))).all()


def test_the_remark_the_scale_bar_and_a_note_of_unobserved_ground_stand_in_the_picture():
    plain = decoded(map_sheet([panel()], ""))
    remarked = decoded(map_sheet([panel()], "Simulated: no real place."))
    assert remarked.shape[0] > plain.shape[0]
    assert share(remarked[-30:], (0, 0, 0)) > 0 and share(plain[-10:], (0, 0, 0)) == 0
    assert share(decoded(map_sheet([panel(scale=True)], "")), rgb(BLACK)) > share(plain, rgb(BLACK))
    assert decoded(map_sheet([panel()], "", unobserved="not observed")).shape[0] > plain.shape[0]


@pytest.mark.parametrize("longest_m, expected", [(999, 500), (1000, 1000), (2400, 2000), (37, 20), (6000, 5000)])
def test_scale_bars_have_round_lengths(longest_m, expected):
    assert round_length_m(longest_m) == expected


def test_drawn_and_mapped_density_share_their_scale():
    middle, end = mpl.colormaps["YlOrRd"](0.5)[:3], mpl.colormaps["YlOrRd"](1.0)[:3]
    alike, twice = densities(column(1, 1), rows=2), densities(column(1, 2), rows=2)
    assert share(alike, end) > 0.4 and share(alike, middle) < 0.01
    assert share(twice, end) > 0.2 and share(twice, middle) > 0.2


def test_differences_are_centred_on_white():
    nothing, more, fewer = (share(densities(column(3, 3 + d, d)), mpl.colormaps["PuOr_r"](at)[:3]) for d, at in ((0, 0.5), (2, 1.0), (-2, 0.0)))
    assert min(nothing, more, fewer) > 0.1


def test_one_bad_map_does_not_bleach_the_others():
    one = np.zeros((30, 40))
    one[10:20, 10:20] = 1
    def picture(outlier):
        fields = [one, np.where(one > 0, outlier, 0.0)]
        return densities(DensityColumn("2015", fields, [[], []]), rows=2)
    drawn = [picture(outlier)[:600] for outlier in (2.0, 50.0)]
    assert (drawn[0] == drawn[1]).all(), "the upper map looks the same beside an outlier"
    assert share(picture(50.0), mpl.colormaps["YlOrRd"](1.0)[:3]) > 0.01


def test_density_without_landslides_or_knowledge_can_be_drawn():
    assert (densities(column(0, 0, 0)) != densities(column(np.nan, np.nan, np.nan))).any()
    assert densities(column(1), rows=1).shape[0] < densities(column(1, 1, 0)).shape[0] + 1
