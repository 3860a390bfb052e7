import dataclasses
import json

import pytest

from model_core.contract import card as cards
from model_core.contract.errors import ModelError

CARD = cards.ModelCard(
    name="rasuwa-2016", description="U-Net for landslides.", created="2026-01-02T03:04:05Z",
    bands=("blue", "green", "red", "red_edge", "nir"),
    quantity="toa_reflectance", scaling=cards.Scaling("scene-robust", (0.1,) * 5, (0.02,) * 5, 6.0),
    patch_size_px=128, pixel_size_range_m=(4.0, 6.5), filters=16, up_convolutions="scaled", parameters=1_944_337,
    threshold=0.4, threshold_rule="best F1 on validation ground", weights="rasuwa-2016.weights.h5", sha256="0" * 64,
    weights_bytes=3, loss={"name": "tversky", "w_fn": 0.3, "w_fp": 0.7}, training={"landslides": 55},
    metrics={"f1": 0.7}, measured="pooled over test pixels", start="2016-11-04", end="2016-11-04",
    training_ground={"type": "Polygon", "coordinates": [[[85.1, 28.0], [85.2, 28.0], [85.2, 28.1], [85.1, 28.0]]]},
    versions={"keras": "3.15.1"},
)


def test_a_card_survives_the_way_to_json_and_back():
    assert cards.from_stac(json.loads(json.dumps(cards.to_stac(CARD)))) == CARD


def test_bands_that_an_image_may_lack_stand_on_the_card():
    card = dataclasses.replace(CARD, may_lack=("red_edge", "nir"), unlearned=("nir",))
    back = cards.from_stac(json.loads(json.dumps(cards.to_stac(card))))
    assert back == card
    assert back.learned_bands == ("blue", "green", "red", "red_edge")


def test_a_card_of_before_needs_every_band_and_learned_from_each():
    item = cards.to_stac(CARD)
    del item["properties"]["mtl:may_lack"], item["properties"]["mtl:unlearned"]
    card = cards.from_stac(item)
    assert card == CARD and card.may_lack == () and card.learned_bands == CARD.bands


@pytest.mark.parametrize("wrong", [{"may_lack": ("swir",)}, {"may_lack": CARD.bands}, {"unlearned": CARD.bands}])
def test_a_card_that_could_do_without_any_image_is_refused(wrong):
    with pytest.raises(ModelError) as caught:
        cards.from_stac(cards.to_stac(dataclasses.replace(CARD, **wrong)))
    assert "missing bands" in caught.value.message


def test_other_tools_read_the_card_as_a_stac_item_with_mlm():
    pystac = pytest.importorskip("pystac")
    schema = pytest.importorskip("stac_model.schema")
    data = cards.to_stac(CARD)
    item = pystac.Item.from_dict(data)
    assert item.bbox == [85.1, 28.0, 85.2, 28.1]
    properties = {k: v for k, v in data["properties"].items() if k.startswith("mlm:")}
    model = schema.MLModelProperties.model_validate(properties)
    assert model.architecture == "U-Net"
    assert [band.name for band in model.input[0].bands] == list(CARD.bands)
    assert model.total_parameters == CARD.parameters


def test_a_card_that_lacks_an_entry_is_refused():
    item = cards.to_stac(CARD)
    del item["properties"]["mtl:scaling"]
    with pytest.raises(ModelError) as caught:
        cards.from_stac(item)
    assert caught.value.code == "card.incomplete"


def test_weights_that_differ_from_the_card_are_refused(tmp_path):
    (tmp_path / CARD.weights).write_bytes(b"abc")
    with pytest.raises(ModelError) as caught:
        cards.check_weights(CARD, tmp_path)
    assert caught.value.code == "weights.checksum"


def test_the_card_is_found_from_weights_card_or_folder(tmp_path):
    (tmp_path / "m.weights.h5").touch()
    (tmp_path / "m.json").write_text(json.dumps(cards.to_stac(CARD)))
    for path in (tmp_path, tmp_path / "m.json", tmp_path / "m.weights.h5"):
        assert cards.read_card(path) == CARD


@pytest.mark.parametrize(("name", "code"), [("m.weights.h5", "card.missing"), ("m.h5", "card.not-a-model")])
def test_what_is_no_model_is_refused(tmp_path, name, code):
    with pytest.raises(ModelError) as caught:
        cards.read_card(tmp_path / name)
    assert caught.value.code == code
