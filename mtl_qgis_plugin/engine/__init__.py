"""The room without widgets: where the engine lies, how it is installed, and the talk with it."""
