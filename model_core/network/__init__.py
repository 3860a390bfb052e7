"""The only room that imports Keras. Call `backend.setup` before anything is computed."""

from . import backend as _backend  # noqa: F401  # sets the environment before any module of this room imports Keras
