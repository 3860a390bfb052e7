#!/bin/sh
# The main job on a simulated study: seven years of one valley, from images to inventories, density maps and a report.
set -eu
out=${1:-build/demo}
mtl=.venv/bin/mtl
rm -rf "$out"
mkdir -p "$out"

echo "== 1 of 2: a SIMULATED study of seven years, 2013 to 2019 (invented mountains, landslides and images; no real place)"
$mtl sample --out "$out/sample"
echo "== 2 of 2: the study: base model outside the area, maps of every year, fine-tuning out of fold, accuracy, inventory,"
echo "   changes, statistics, density, report. Reduced to be done in about ten minutes on 2 cores: 8 filters instead of 32,"
echo "   40 training epochs instead of 120, and 6 of fine-tuning instead of 60; the maps are poorer for it."
$mtl study --series "$out/sample/series.json" --training "$out/sample/training.json" --out "$out/study" \
    --filters 8 --training-epochs 40 --fine-tuning-epochs 6
echo
echo "Done; all of it is simulated. The report, for a browser:"
echo "  $PWD/$out/study/report/report.html"
echo "The layers, for QGIS (inventory, manual, predicted, blocks, statistics, accuracy, density_peaks; maps and images):"
for file in study/study.gpkg study/pooled/out_of_fold_2016_probability.tif study/density/drawn \
    sample/series.json; do
    ls -d "$PWD/$out/$file"
done
