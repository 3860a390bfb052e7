"""Satellite images: what is in a file, and its pixels on a grid."""

from .describe import SceneInfo, describe
from .stack import SceneStack

__all__ = ["SceneInfo", "SceneStack", "describe"]
