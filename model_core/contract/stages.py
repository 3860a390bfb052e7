"""The stages: one row each. The command line, job files and QGIS's toolbox are made from this table."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Dict


@dataclass(frozen=True)
class Stage:
    """A verb of the tool.

    Attributes:
        name: The command, with hyphens.
        params: Module and class of its parameters, below contract/params.
        title: A few words for a menu.
        group: Heading that it stands under.
        lead: Its parameter that a command's first word means, if that is no option: `mtl study series.json`.
    """

    name: str
    params: str
    title: str
    group: str
    lead: str = ""

    @property
    def module(self) -> str:
        """Name of the module in `stages` that has `run(params, report)`."""
        return self.name.replace("-", "_")

    def params_class(self) -> Any:
        """The dataclass of its parameters."""
        module, cls = self.params.split(":")
        return getattr(importlib.import_module(f".params.{module}", __package__), cls)


_ROWS = (
    Stage("train", "train:TrainParams", "Train a network on digitised landslides", "Model", "series"),
    Stage("fine-tune", "train:FineTuneParams", "Carry a model to another year or area", "Model", "series"),
    Stage("tune", "train:TuneParams", "Try a grid of training settings", "Model", "series"),
    Stage("predict", "predict:PredictParams", "Map landslides on images", "Map", "series"),
    Stage("study", "study:StudyParams", "Map and judge every date of a series", "Map", "series"),
    Stage("evaluate", "evaluate:EvaluateParams", "Judge a map against reference landslides", "Judge"),
    Stage("compare", "compare:CompareParams", "Compare two polygon layers", "Judge"),
    Stage("check-labels", "check_labels:CheckLabelsParams", "Check digitised landslides against the image", "Judge"),
    Stage("check-sample", "check_sample:CheckSampleParams", "Accuracy and area from checked random points", "Judge"),
    Stage("inventory", "inventory:InventoryParams", "Join traced, reviewed and mapped landslides", "Analyse"),
    Stage("statistics", "statistics:StatisticsParams", "Count and measure landslides", "Analyse"),
    Stage("compare-years", "compare_years:CompareYearsParams", "Compare dates on the ground that all of them show",
          "Analyse"),
    Stage("density", "density:DensityParams", "Map the density of landslides and its change", "Analyse"),
    Stage("report", "report:ReportParams", "Write a study as one page with tables and figures", "Analyse", "study"),
    Stage("sample", "sample:SampleParams", "Make a simulated scene with landslides", "Tools", "out"),
    Stage("models", "models:ModelsParams", "List models and show their cards", "Tools", "model"),
    Stage("doctor", "models:DoctorParams", "Show the device in use, versions and disk", "Tools"),
)

STAGES: Dict[str, Stage] = {row.name: row for row in _ROWS}
