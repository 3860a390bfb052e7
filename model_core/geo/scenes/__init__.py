"""Satellite images: what is in a file, and its pixels on a grid."""

from .describe import SceneInfo, describe
from .stack import NO_SOURCE, SceneStack, check_alike

__all__ = ["NO_SOURCE", "SceneInfo", "SceneStack", "check_alike", "describe"]
