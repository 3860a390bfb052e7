import numpy as np

from model_core.arrays import scaling
from model_core.arrays.codes import IGNORE
from weights.training.ground import GUARD_PX, RULE, Scenes, blocks_of, role_of, training_mosaic
from weights.training.mosaic import assemble, level
from weights.training.patches import SIZE_PX


def test_blocks_are_contiguous_and_each_patch_has_one_role(taiwan):
    blocks = blocks_of(taiwan)
    assert len(blocks) == 12 and sum((block.mosaic.factors > 0).sum() for block in blocks) == len(taiwan.ids)
    assert [block.role for block in blocks].count("train") == 8
    assert {role_of(k) for k in range(12)} == {"train", "validation", "test"}


def test_no_training_window_can_see_ground_of_another_role(taiwan):
    whole, training = assemble(taiwan, level(taiwan).factors), training_mosaic(taiwan)
    for block in range(12):
        rows = slice((1 + 6 * block) * SIZE_PX, (1 + 6 * block + 6) * SIZE_PX)
        if role_of(block) != "train":
            assert not training.pixels[rows].any() and (training.codes[rows] == IGNORE).all()
            continue
        np.testing.assert_array_equal(training.pixels[rows], whole.pixels[rows])
        near = [slice(rows.start, rows.start + GUARD_PX)] * (block > 0 and role_of(block - 1) != "train")
        near += [slice(rows.stop - GUARD_PX, rows.stop)] * (block < 11 and role_of(block + 1) != "train")
        for strip in near:
            assert (training.codes[strip] == IGNORE).all()
        known = (training.codes[rows, SIZE_PX:-SIZE_PX] != IGNORE).mean()
        assert known == 1 - len(near) * GUARD_PX / (6 * SIZE_PX)


def test_a_block_is_scaled_like_a_scene_of_its_own(taiwan):
    block = blocks_of(taiwan)[4]
    whole = tuple(slice(0, side) for side in block.shape)
    image, valid = block.read(*whole)
    assert image.shape == (*block.shape, 5) and not image[..., 3:].any() and not image[~valid].any()
    centre, spread = scaling.statistics(image[valid][:, :3], RULE)
    np.testing.assert_allclose(centre, 0, atol=0.03)
    np.testing.assert_allclose(spread, 1, atol=0.03)


def test_scenes_differ_around_one_patch_but_are_always_the_same(taiwan):
    mosaic = training_mosaic(taiwan)
    first, again = Scenes(mosaic, 2, 10, 5), Scenes(mosaic, 2, 10, 5)
    row, col = first.patches[20]
    scalings = [first.scaling(row, col, which) for which in range(6)]
    assert [again.scaling(row, col, which) for which in range(6)] == scalings
    assert len(set(scalings)) >= 4
