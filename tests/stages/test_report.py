import csv
import json
import re
import shutil

import pytest

from model_core.contract.errors import InputError, OutputError, UsageError
from model_core.contract.job import make_job
from model_core.report.page import number_texts
from model_core.report.pieces import Picture
from model_core.stages import report

from ..report.strict_html import Page
from .conftest import do

PNG = b"\x89PNG\r\n\x1a\nrest"
REMARK = "Simulated: invented mountains, landslides and images; no real place."


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    """Maps are drawn and tested elsewhere; here one stands for them."""
    monkeypatch.setattr(report, "pictures", lambda study, told: {"figure_4": Picture("Right and wrong", "By date.", PNG)})


@pytest.fixture(scope="module")
def written(whole, tmp_path_factory):
    """Study, and folder, page and result of its report."""
    out = tmp_path_factory.mktemp("report") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "pictures", lambda study, told: {"figure_4": Picture("Right and wrong", "By date.", PNG)})
        result, _ = do("report", study=str(whole[0]), out=str(out))
    return whole[0], out, (out / "report.html").read_text(encoding="utf-8"), result


@pytest.fixture
def changed(whole, three_years, tmp_path):
    """A copy of the study, to be changed: its folder, and what writes its summary anew after a change."""
    folder = shutil.copytree(whole[0], tmp_path / "study", ignore=shutil.ignore_patterns("*.tif", "*.weights.h5", "report"))
    summary = json.loads((folder / "study.json").read_text())
    summary["series"] = three_years

    def write(**changes):
        (folder / "study.json").write_text(json.dumps({**summary, **changes}))
        return folder, summary

    write()
    return write


def rows(out, name):
    with (out / "tables" / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def told(folder, **values):
    """The page of a study that was changed, and the folder of its report."""
    result, _ = do("report", study=str(folder), **values)
    out = folder / "report"
    return (out / "report.html").read_text(encoding="utf-8"), out


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_accuracies_are_those_of_the_study(written):
    study, out, text, _ = written
    known = {(row["date"], row["map"]): row for row in read(study / "study.json")["accuracy"]}
    found = rows(out, "table_3_accuracy")
    assert {(row["date"], row["map"]) for row in found} == set(known)
    for row in found:
        one = known[row["date"], row["map"]]
        assert row["means"] == one["means"]
        for name in ("precision", "recall", "F1", "F1 low", "F1 high"):
            assert row[name] == ("" if one[name] is None else str(one[name]))
    shown = Page(text).text
    assert all(number in shown for number in number_texts([row["F1"] for row in known.values()]))


def test_the_loss_is_that_of_the_map_with_the_weights_of_the_training(written):
    # With equal weights the Tversky index is the F1.
    for row in rows(written[1], "table_3_accuracy"):
        assert row["loss"] == "" or float(row["loss"]) == pytest.approx(1 - float(row["F1"]), abs=1e-4)


def test_numbers_and_areas_are_those_of_the_statistics(written):
    study, out, text, _ = written
    layers = {row["name"]: row for row in read(study / "statistics" / "statistics.json")["layers"]}
    inventory = {row["date"]: row for row in rows(out, "table_1_manual_inventories")}
    pairs = {row["date"]: row for row in rows(out, "table_4_manual_and_mapped")}
    assert list(inventory) == list(pairs) == ["2014", "2015", "2016"]
    for date in ("2015", "2016"):
        drawn, mapped = layers[f"{date} drawn"], layers[f"{date} pooled"]
        assert (int(inventory[date]["TL"]), float(inventory[date]["TAL [m²]"])) == (drawn["TL"], drawn["TAL_m2"])
        assert (int(pairs[date]["TL manual"]), int(pairs[date]["TL mapped"])) == (drawn["TL"], mapped["TL"])
        assert float(pairs[date]["TAL manual [m²]"]) == drawn["TAL_m2"]
        assert float(pairs[date]["TAL mapped [m²]"] or 0) == mapped["TAL_m2"]
        assert f"{drawn['TAL_m2']:,.0f}" in text
    # Searched, and nothing was found.
    assert (inventory["2014"]["TL"], inventory["2014"]["interval of TL and TAL"]) == ("0", "not assessed")


def test_no_number_of_landslides_stands_without_a_word_on_its_interval(written):
    drawn = {row["interval of TL and TAL"] for row in rows(written[1], "table_1_manual_inventories")}
    assert drawn == {"not assessed"}
    for row in rows(written[1], "table_4_manual_and_mapped"):
        for column in ("TL mapped, corrected, 95 %", "TAL mapped, corrected, 95 % [m²]"):
            assert re.fullmatch(r"not assessed|[\d,]+ to [\d,]+", row[column]), row


def test_densities_are_those_of_the_maps(written):
    study, out, _, _ = written
    drawn, mapped = ({row["layer"]: row for row in read(study / "density" / kind / "density.json")["densities"]}
                     for kind in ("drawn", "pooled"))
    for row in rows(out, "table_5_density"):
        if row["date"] in drawn and row["date"] in mapped and row["highest, difference"]:
            assert float(row["highest, manual"]) == drawn[row["date"]]["peak"]
            assert float(row["highest, mapped"]) == mapped[row["date"]]["peak"]
            assert float(row["highest, difference"]) == pytest.approx(
                mapped[row["date"]]["peak"] - drawn[row["date"]]["peak"])


def test_objects_are_those_of_the_judgement(written):
    study, out, _, _ = written
    for row in rows(out, "objects"):
        classes = {one["class"]: one for one in
                   read(study / "accuracy" / row["map"] / row["date"] / "accuracy.json")["object_classes"]
                   if one["ground"] == ("test blocks" if row["map"] == "pooled" else "whole area")}
        assert int(row["missed"]) == classes["missed"]["reference"]
        assert int(row["false"]) == classes["false"]["mapped"]
        assert int(row["found"]) + int(row["missed"]) == int(row["drawn"])


def test_the_page_needs_nothing_else(written):
    _, _, text, _ = written
    found = Page(text)
    assert not found.all("link") and not found.all("script")
    assert len(found.all("img")) > 4 and all(image["src"].startswith("data:") for image in found.all("img"))
    assert "http" not in text and len(text) < 10e6


def test_simulated_shows_wherever_the_data_is(written):
    _, out, text, _ = written
    assert text.count(REMARK) >= 4 + len(Page(text).all("figcaption"))
    for path in (out / "tables").glob("*.csv"):
        assert {row["remark"] for row in rows(out, path.stem)} == {REMARK}


def test_models_and_the_course_of_the_study_are_told(written):
    study, out, text, _ = written
    weights = {row["model"]: row["SHA-256"] for row in rows(out, "checksums")}
    assert list(weights) == ["base", "pooled-fold-1", "pooled-fold-2", "pooled-fold-3"]
    assert weights["base"] == read(study / "base" / "base.json")["properties"]["mtl:sha256"]
    steps = read(study / "study.json")["steps"]
    assert sum(float(row["time [s]"]) for row in rows(out, "run_time")) == pytest.approx(
        sum(step["seconds"] for step in steps.values()))
    assert {row["setting"] for row in rows(out, "settings")} >= {"Filters", "Training epochs"}
    for words in ("Ronneberger", "Clauset", "Table 2", "mtl tune", "keras", "What was left out"):
        assert words in text


def test_tables_and_figures_are_numbered_without_gaps(written):
    text = Page(written[2]).text
    for what in ("Table", "Figure"):
        last = max(n for n in range(30) if f"{what} A{n}. " in text)
        assert all(f"{what} A{n}. " in text for n in range(1, last + 1))
    assert "Table A. " not in text and "Figure A. " not in text and "Figure 4. Right and wrong." in text


def test_a_warning_of_several_dates_stands_once(changed):
    folder, summary = changed()
    for date in ("2015", "2016"):
        summary["steps"][f"accuracy/zero-shot/{date}"]["warnings"] = [f"Odd in {date}.", "Odd."]
    _, out = told(changed(steps=summary["steps"])[0])
    found = [row for row in rows(out, "warnings") if row["step"] == "accuracy/zero-shot"]
    assert [row["warning"] for row in found if row["dates"] == "2015, 2016"] == ["Odd in [date].", "Odd."]
    assert len({row["warning"] for row in found}) == len(found)


def test_without_the_pooled_step_the_base_model_is_reported(changed):
    folder, summary = changed()
    def kept(name):
        return "pooled" not in name
    text, out = told(changed(
        maps=[row for row in summary["maps"] if row["map"] != "pooled"],
        accuracy=[row for row in summary["accuracy"] if row["map"] != "pooled"],
        steps={name: step for name, step in summary["steps"].items() if kept(name)},
        failures={"all dates": "Too few landslides."})[0])
    Page(text)
    assert {row["map"] for row in rows(out, "table_3_accuracy")} == {"zero-shot"}
    assert [(row["what"], row["why"]) for row in rows(out, "left_out")] == [("all dates", "Too few landslides.")]


def test_a_study_in_which_nearly_all_failed_is_reported(changed):
    text, out = told(changed(maps=[], accuracy=[], steps={}, failures={"2015": "No image."})[0])
    Page(text)
    assert "could be judged against" in text and "No model card is left" in text
    assert sorted(path.stem for path in (out / "tables").iterdir()) == ["left_out", "run_time", "settings", "versions"]


def test_a_date_without_landslides_is_reported(changed):
    folder, _ = changed()
    path = folder / "accuracy" / "pooled" / "2015" / "accuracy.json"
    found = read(path)
    for row in found["pixels"]:
        row.update({name: None for name in row if name.startswith(("precision", "recall", "f1", "iou", "mcc"))},
                   tp=0, fp=0, fn=0)
    for row in (*found["objects"], *found["object_classes"]):
        row.update({name: 0 for name, value in row.items() if isinstance(value, int)})
    path.write_text(json.dumps(found))
    path = folder / "statistics" / "statistics.json"
    counted = read(path)
    drawn = next(row for row in counted["layers"] if row["name"] == "2015 drawn")
    drawn.update(TL=0, TAL_m2=0.0, MinAL_m2=None, MaxAL_m2=None, mean_m2=None, median_m2=None)
    path.write_text(json.dumps(counted))
    text, out = told(folder)
    Page(text)
    row = next(row for row in rows(out, "table_3_accuracy") if (row["date"], row["map"]) == ("2015", "pooled"))
    assert row["F1"] == row["loss"] == ""
    assert rows(out, "table_1_manual_inventories")[1]["TL"] == "0"


def test_names_and_reasons_stay_text(changed):
    nasty = "<script>\"&' </style>"
    folder, summary = changed()
    series = read(folder.parent / summary["series"])
    for epoch in series["epochs"]:
        epoch["name"] = f"{epoch['name']} {nasty}"
    (folder / "series.json").write_text(json.dumps({**series, "remark": nasty}))
    text, _ = told(changed(series="series.json", failures={nasty: nasty})[0])
    assert not Page(text).all("script") and text.count("</style>") == 1
    assert nasty in Page(text).text


def test_a_tuning_is_shown(changed, tmp_path):
    folder, _ = changed()
    (folder / "tune").mkdir()
    (folder / "tune" / "tuning.png").write_bytes(PNG)
    (folder / "tune" / "tuning.csv").write_text(
        "learning_rate,filters,batch_size,val_f1,val_f1_sd,precision,recall,test_f1,folder\n"
        "1e-05,32,16,0.5,,0.6,0.4,0.48,cells/a\n")
    text, out = told(folder)
    assert "Table 2. Training settings" in Page(text).text
    assert rows(out, "table_2_training_settings")[0]["learning rate"] == "1e-05"
    assert rows(out, "table_2_training_settings")[0]["F1"] == "0.48"
    assert rows(out, "table_2_training_settings")[0]["validation loss"] == ""  # an earlier version told none


def test_what_is_no_folder_of_a_study_or_tuning_is_refused(changed, tmp_path):
    with pytest.raises(InputError, match="no finished study"):
        do("report", study=str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(InputError, match="mtl tune"):
        do("report", study=str(changed()[0]), tuning=str(tmp_path))
    with pytest.raises(UsageError, match="Study"):
        make_job("report", {})


def test_a_result_that_was_deleted_is_named(changed):
    folder, _ = changed()
    (folder / "statistics" / "sizes.png").unlink()
    with pytest.raises(InputError, match=r"sizes\.png"):
        do("report", study=str(folder))
    assert not (folder / "report").exists()


def test_an_earlier_report_is_kept(changed):
    folder, _ = changed()
    _, out = told(folder)
    before = (out / "report.html").read_bytes()
    result, _ = do("report", study=str(folder))
    assert result.outputs["report"] == str(folder / "report-2" / "report.html")
    assert (out / "report.html").read_bytes() == before
    with pytest.raises(OutputError, match="exists already"):
        do("report", study=str(folder), out=str(out))


def test_the_report_is_in_plain_words_first(written):
    text = Page(written[2]).text
    summary = text[text.index("Summary", text.index("Sources")):text.index("Manual inventories", text.index("Sources"))]
    assert "images of 3 dates (2014 to 2016); 2 of 3 have a manual inventory" in summary
    assert "not assessed" in summary
