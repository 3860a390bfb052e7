"""The plugin object is a receptionist: it registers what the plugin has, and takes it back."""

from __future__ import annotations

import sys
from typing import Any

from qgis.PyQt.QtCore import QCoreApplication


class Plugin:
    """What QGIS holds while the plugin is enabled.

    Args:
        iface: QGIS's window; None in qgis_process.
    """

    def __init__(self, iface: Any) -> None:
        self.iface = iface

    def initGui(self) -> None:
        """Called by QGIS's window when the plugin is enabled."""
        self.initProcessing()
        # A worker that still waits for its engine would keep QGIS from closing.
        QCoreApplication.instance().aboutToQuit.connect(end_engines)

    def initProcessing(self) -> None:
        """Called by qgis_process instead of initGui."""

    def unload(self) -> None:
        """Called when the plugin is disabled, reloaded or removed: the mirror image of initGui."""
        QCoreApplication.instance().aboutToQuit.disconnect(end_engines)
        end_engines()


def end_engines() -> None:
    """Ends all runs of the engine; loads nothing where none was started."""
    child = sys.modules.get(f"{__package__}.engine.child")
    if child is not None:
        child.end_all()
