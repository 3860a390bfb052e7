"""Makes the bundled models; not part of the installed engine. `python -m weights.training --help`."""
