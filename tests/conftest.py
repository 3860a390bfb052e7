"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real images and inventories, which are no part of the project; MTL_REALDATA says where else it is."""
    folder = Path(os.environ.get("MTL_REALDATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MTL_REALDATA to their folder")
    return folder
