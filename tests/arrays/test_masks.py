import numpy as np
import pytest

from model_core.arrays.masks import RAPIDEYE_UDM_BITS, UDM2_BANDS, buffered, udm2_unusable, udm_unusable, valid_pixels


def pixels(dtype, *rows):
    return np.array([rows], dtype)  # (1, W, B)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32"])
def test_one_band_of_fill_makes_a_16_bit_pixel_invalid(dtype):
    values = pixels(dtype, (5, 6, 7), (0, 6, 7), (5, 6, 0), (0, 0, 0))
    assert valid_pixels(values, 0).tolist() == [[True, False, False, False]]


def test_an_8_bit_pixel_is_invalid_only_where_all_bands_are_fill():
    values = pixels("uint8", (5, 6, 7), (0, 6, 7), (0, 0, 0), (255, 255, 255))
    assert valid_pixels(values, 0).tolist() == [[True, True, False, True]]
    assert valid_pixels(values, 255).tolist() == [[True, True, True, False]]


def test_small_negatives_are_reflectance_and_large_ones_are_fill():
    values = pixels("int16", (-12, 300), (-9999, 300), (-32768, 300), (-9998, 300), (0, 300))
    assert valid_pixels(values, -9999).tolist() == [[True, False, False, True, True]]
    assert valid_pixels(values, 0).tolist() == [[True, False, False, True, False]]


def test_a_float_pixel_needs_a_number_in_every_band():
    nan, inf = np.nan, np.inf
    values = pixels("float32", (0.1, 0.2), (nan, 0.2), (0.1, inf), (-inf, 0.1), (-3.4e38, 0.1), (0, 0.1), (0, 0))
    assert valid_pixels(values, None).tolist() == [[True, False, False, False, False, True, False]]
    assert valid_pixels(values, 0.2).tolist() == [[False, False, False, False, False, True, True]]


def test_a_fill_value_that_float32_cannot_hold_is_still_found():
    values = pixels("float32", (0.1, 1), (0.2, 1))  # 0.1 as float32 is another number than 0.1 as float64
    assert valid_pixels(values, 0.1).tolist() == [[False, True]]


def test_rapideye_mask_bits_go_by_the_name_of_the_band():
    flags = np.array([[0, 1, 2, 4, 8, 16, 32, 64, 128]], np.uint8)  # nothing, fill, cloud, B, G, R, RE, NIR, unused
    all_bands = udm_unusable(flags, ["blue", "green", "red", "red_edge", "nir"], RAPIDEYE_UDM_BITS)
    assert all_bands.tolist() == [[False, True, True, True, True, True, True, True, False]]
    colours = udm_unusable(flags, ["red", "nir"], RAPIDEYE_UDM_BITS)
    assert colours.tolist() == [[False, True, True, False, False, True, False, True, False]]


def test_without_a_table_of_bits_any_band_flag_counts():
    flags = np.array([[0, 1, 2, 4, 8, 16, 32, 64, 128]], np.uint8)
    assert udm_unusable(flags, ["red"], {}).tolist() == [[False] + [True] * 8]


def test_flags_may_be_set_together():
    assert udm_unusable(np.array([[30]], np.uint8), ["blue"], RAPIDEYE_UDM_BITS).all()


def test_udm2_keeps_light_haze_and_drops_what_hides_the_ground():
    classes = np.zeros((1, 8, 8), np.uint8)
    for i in range(8):
        classes[0, i, i] = 100 if UDM2_BANDS[i] == "confidence" else 1
    lost = dict(zip(UDM2_BANDS, udm2_unusable(classes)[0].tolist(), strict=True))
    assert lost == {"clear": False, "snow": True, "shadow": True, "light_haze": False, "heavy_haze": True,
                    "cloud": True, "confidence": False, "udm1": True}
    assert udm2_unusable(classes, ["light_haze"])[0].tolist() == [name in {"light_haze", "udm1"} for name in UDM2_BANDS]


def test_the_buffer_grows_to_all_eight_sides():
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    assert buffered(mask, 1).sum() == 9
    assert buffered(mask, 2).sum() == 25
    assert (buffered(mask, 0) == mask).all()
