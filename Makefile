# Two commands do everything: `make demo` shows the main job, `make test` proves it. Both install what is missing.
PY := .venv/bin/python
MTL := .venv/bin/mtl

.PHONY: help install demo test lint pytest slow realdata bench weights package dev lock clean

help:
	@sed -n 's/^## //p' Makefile

## make demo      maps seven simulated years and writes a report (about 12 minutes on 2 cores)
demo: install
	sh tests/demo.sh build/demo

## make test      lint and tests
test: lint pytest

## make lint      ruff, mypy (strict on contract, arrays and the plugin's engine room), Python 3.9 check of what QGIS runs
lint: install
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/vermin --quiet --target=3.9- --violations --no-tips --eval-annotations model_core/contract mtl_qgis_plugin

pytest: install
	$(PY) -m pytest -m "not slow"

## make slow      tests that take minutes: a study that is killed ten times ends like an unbroken one
slow: install
	$(PY) -m pytest -m "slow and not realdata" -rs

## make realdata  real images and inventories (skips where they are absent); about two and a half hours with the slow runs
realdata: install
	$(PY) -m pytest -m "realdata" -rs
	$(PY) benchmarks/presets.py atsuma
	$(PY) benchmarks/atsuma_pictures.py
	$(PY) benchmarks/atsuma_study.py

## make bench     one table a claim
bench: install
	for script in benchmarks/bench_*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

## make weights   trains the bundled models anew into weights/ (hours; needs Landslide4Sense; goes on where it stopped)
weights: install
	$(PY) -m weights.training make

## make package   the plugin's zip, in dist/
package:
	python3 requirements/package.py zip

## make dev       a folder of links, build/dev, to run the plugin in QGIS from this checkout
dev:
	python3 requirements/package.py dev

install:
	@sh requirements/install.sh

## make lock      resolves the versions in requirements/ anew (needs uv)
lock:
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	    --custom-compile-command "make lock" --extra cpu pyproject.toml -o requirements/cpu.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	    --custom-compile-command "make lock" requirements/dev.in -o requirements/dev.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.8 --no-emit-index-url \
	    --custom-compile-command "make lock" requirements/uv.in -o requirements/uv.txt

clean:
	rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache
