import numpy as np
from scipy import ndimage

from weights.training import judge
from weights.training.ground import blocks_of


def test_a_perfect_map_scores_1_and_alarms_nowhere(taiwan):
    blocks = blocks_of(taiwan)
    maps = [np.where(block.mosaic.codes == 255, np.nan, block.mosaic.codes == 1).astype(np.float32) for block in blocks]
    rows = judge.score(blocks, maps, 0.5)
    assert [row["ground"] for row in rows] == ["Taiwan 2", "Taiwan 4", "Taiwan 7", "Taiwan 9", "Taiwan validation", "Taiwan test"]
    assert all(row["F1"] == 1 for row in rows)
    assert rows[-1]["km²"] == round(24 * 1.28**2, 1)


def test_only_validation_blocks_choose_the_threshold(taiwan):
    blocks = blocks_of(taiwan)
    best = {"train": 0.9, "validation": 0.3, "test": 0.7}
    maps = [np.where(block.mosaic.codes == 1, best[block.role] + 0.02, best[block.role] - 0.02).astype(np.float32) for block in blocks]
    assert abs(judge.calibrate(blocks, maps) - 0.3) < 0.02


def test_resampled_ground_has_the_same_landslides(taiwan):
    block = blocks_of(taiwan)[4]
    for factor in (10 / 3, 1.0, 10 / 15):
        image, codes = judge._resampled(block, factor)
        assert image.shape[:2] == codes.shape and abs(codes.shape[0] - factor * block.shape[0]) <= 1
        known = codes != 255
        share = (block.mosaic.codes == 1).sum() / (block.mosaic.codes != 255).sum()
        assert abs((codes == 1)[known].mean() / share - 1) < 0.06
        assert image[codes == 1][:, 2].mean() > image[codes == 0][:, 2].mean() + 2


def test_false_alarms_count_where_no_landslide_is_near():
    codes = np.zeros((128, 128), np.uint8)
    codes[5, 5] = 1
    classes = np.ones((128, 128), np.uint8)
    found = judge._false_alarms(classes, codes)
    assert (found.fp, found.total) == (3 * 64 * 64, 3 * 64 * 64)


def test_hard_pixels_are_false_alarms_away_from_landslides(taiwan, monkeypatch):
    block = blocks_of(taiwan)[0]
    monkeypatch.setattr(judge, "map_blocks", lambda model, blocks: [np.ones(block.shape, np.float32)])
    rows, cols = judge.false_alarms(None, block, 0.5).T
    assert (block.mosaic.codes[rows, cols] == 0).all()
    distance = ndimage.distance_transform_cdt(block.mosaic.codes != 1, metric="taxicab")
    assert distance[rows, cols].min() == judge.NEAR_PX + 1
    assert len(rows) == ((distance > judge.NEAR_PX) & (block.mosaic.codes == 0)).sum()
