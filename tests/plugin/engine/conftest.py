"""Fake engines: they are started as the real one is, and misbehave."""

import sys
import textwrap
from pathlib import Path

import pytest

from mtl_qgis_plugin.engine.process import Engine

ROOT = Path(__file__).parents[3]
HEAD = """
import json, os, signal, subprocess, sys, threading, time
out = os.fdopen(os.dup(1), "wb")
def tell(kind, **values):
    out.write((json.dumps({"event": kind, **values}) + "\\n").encode()); out.flush()
def raw(data):
    out.write(data); out.flush()
def hello(version=1):
    tell("hello", version=version, engine="x", python="3", pid=os.getpid())
def result(**outputs):
    tell("result", outputs=outputs, summary={"n": 1})
"""


@pytest.fixture
def fake(tmp_path):
    """An engine that runs a few lines of Python in the place of model_core."""
    def make(body):
        package = tmp_path / "fake engine" / "model_core"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(HEAD + textwrap.dedent(body))
        return Engine(Path(sys.executable), package.parent)

    return make


@pytest.fixture
def real():
    """The engine of the checkout in the Python that runs the tests."""
    return Engine(Path(sys.executable), ROOT)
