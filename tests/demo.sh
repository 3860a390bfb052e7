#!/bin/sh
# The main job on a simulated scene: train on some ground, map all of it, judge the map where it never learned.
set -eu
out=${1:-build/demo}
mtl=.venv/bin/mtl
rm -rf "$out" "$out".partial
mkdir -p "$out"

echo "== 1 of 4: a SIMULATED pair of satellite images, before and after landslides (invented mountains, no real place)"
$mtl sample --out "$out/sample"
echo "== 2 of 4: training a U-Net (reduced: 16 filters and 40 training epochs; about 4 minutes on 2 cores)"
$mtl train --series "$out/sample/series.json" --out "$out/model" --filters 16 --training-epochs 40
echo "== 3 of 4: mapping landslides on both dates"
$mtl predict --series "$out/sample/series.json" --model "$out/model" --out "$out/map"
echo "== 4 of 4: judging the map of 2015 by pixel and by object"
$mtl evaluate --prediction "$out/map/2015_binary.tif" --polygons "$out/map/2015_polygons.gpkg" \
    --reference "$out/sample/landslides.gpkg" --searched "$out/sample/searched.gpkg" \
    --blocks "$out/model/blocks.gpkg" --model "$out/model" --out "$out/accuracy"
echo
echo "Done. These layers open in QGIS (all simulated):"
for file in sample/landslides.gpkg map/2015_polygons.gpkg map/2015_probability.tif model/blocks.gpkg \
    accuracy/confusion.tif; do
    echo "  $PWD/$out/$file"
done
