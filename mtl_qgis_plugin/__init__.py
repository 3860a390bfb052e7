"""The QGIS plugin: asks the engine in its own process and shows the answers as layers."""

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802  # the name that QGIS calls
    """Returns the plugin object; nothing else of the plugin is imported before QGIS asks for it."""
    from .plugin import Plugin

    return Plugin(iface)
