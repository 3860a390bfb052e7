"""One network for images with and without red edge and near infrared."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import rasterio

from model_core.contract.bands import BANDS
from model_core.contract.card import read_card, sha256, to_stac
from model_core.contract.errors import InputError

from .conftest import QUICK, do

MAY_LACK = ("red_edge", "nir")


def warnings_of(report):
    return [event["message"] for event in report.events if event.get("level") == "warning"]


def changed(model, folder, **fields):
    """A copy of a model with another card."""
    card = read_card(model)
    folder.mkdir()
    shutil.copy(model / card.weights, folder)
    card = dataclasses.replace(card, sha256=sha256(folder / card.weights), **fields)
    (folder / f"{card.name}.json").write_text(json.dumps(to_stac(card)))
    return folder


@pytest.fixture(scope="module")
def forgiving(model, tmp_path_factory):
    """The trained network with a card that lets images lack two bands."""
    return changed(model, tmp_path_factory.mktemp("forgiving") / "m", may_lack=MAY_LACK)


@pytest.fixture(scope="module")
def rgb(study, tmp_path_factory):
    """The rows of the series with images of three bands, as most drones and many satellites take them."""
    return with_bands(study, tmp_path_factory.mktemp("rgb"), 3)


def with_bands(study, folder, n):
    """The rows of the series with the first bands of its images, without the files beside them."""
    rows = json.loads((study / "series.json").read_text())["epochs"]
    for row in rows:
        (scene,) = row["scenes"]
        with rasterio.open(study / scene) as source:
            path = folder / f"{row['name']}.tif"
            with rasterio.open(path, "w", **{**source.profile, "count": n}) as target:
                target.write(source.read(range(1, n + 1)))
        row.update(scenes=[str(path)], bands=list(BANDS[:n]))
        for name in ("landslides", "searched"):
            if name in row:
                row[name] = str(study / row[name])
    return rows


def probability(folder, series, model, name="2015"):
    _, report = do("predict", model=str(model), series=series, out=str(folder), dates=[name], precision="float32")
    with rasterio.open(folder / f"{name}_probability.tif") as source:
        return source.read(1), warnings_of(report)


def test_a_lacking_band_is_0_for_the_network(study, rgb, write_series, forgiving, tmp_path):
    from model_core.network import unet, weights

    found, told = probability(tmp_path / "rgb", write_series(rgb), forgiving)
    said = [line for line in told if "no band" in line]
    assert len(said) == 1 and "no band red_edge and no band nir" in said[0]
    # A network that is blind for both bands maps the image that has them alike: nothing else has changed.
    card, blind = read_card(forgiving), changed(forgiving, tmp_path / "blind")
    network = unet.build_unet(5, card.filters)
    weights.load(network, blind / card.weights)
    unet.ignore_bands(network, [3, 4])
    digest = weights.save(network, blind / card.weights)
    (blind / f"{card.name}.json").write_text(json.dumps(to_stac(dataclasses.replace(card, sha256=digest))))
    expected, told = probability(tmp_path / "map", write_series(with_bands(study, tmp_path, 5)), blind)
    assert not [line for line in told if "no band" in line]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_band_that_the_card_does_not_release_is_refused(rgb, write_series, model, forgiving, tmp_path):
    for name, fields in (("none", {}), ("one", {"may_lack": ("nir",)})):
        strict = changed(model, tmp_path / name, **fields)
        with pytest.raises(InputError) as caught:
            do("predict", model=str(strict), series=write_series(rgb), out=str(tmp_path / "out"))
        assert "red_edge" in caught.value.message or "red_edge" in caught.value.hint


def test_fine_tuning_keeps_the_bands_of_the_network(rgb, write_series, epochs, forgiving, tmp_path):
    settings = {name: value for name, value in QUICK.items() if name != "filters"} | {"training_epochs": 1}
    do("fine-tune", series=write_series(rgb), model=str(forgiving), out=str(tmp_path / "three"), **settings)
    three, base = read_card(tmp_path / "three"), read_card(forgiving)
    assert (three.bands, three.may_lack, three.filters) == (base.bands, MAY_LACK, base.filters)
    assert three.scaling.centre[3:] == base.scaling.centre[3:], "nothing is known of bands that no image had"
    assert not any("lacks" in warning for warning in three.warnings)
    do("fine-tune", series=write_series(epochs), model=str(forgiving), out=str(tmp_path / "five"), **settings)
    assert "lacks that" in read_card(tmp_path / "five").warnings[-1]


def test_what_a_model_never_learned_from_is_told_and_learned_by_fine_tuning(epochs, write_series, forgiving, tmp_path):
    blind = changed(forgiving, tmp_path / "blind", unlearned=MAY_LACK)
    _, told = probability(tmp_path / "map", write_series(epochs), blind)
    assert [line for line in told if "has not learned from the bands red_edge and nir" in line]
    settings = {name: value for name, value in QUICK.items() if name != "filters"} | {"training_epochs": 1}
    do("fine-tune", series=write_series(epochs), model=str(blind), out=str(tmp_path / "tuned"), **settings)
    assert read_card(tmp_path / "tuned").unlearned == ()


def test_pixels_of_another_size_are_a_warning(series, model, tmp_path):
    coarse = changed(model, tmp_path / "coarse", pixel_size_range_m=(8.0, 12.0))
    _, told = probability(tmp_path / "map", series, coarse)
    assert [line for line in told if "pixels of 8 to 12 m; these are 5 m" in line]
