"""The engine: maps landslides through time from yearly satellite images. Never imports QGIS."""

__version__ = "0.1.0"
