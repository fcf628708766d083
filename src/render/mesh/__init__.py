"""The CPU renderer: a portrait moved by dense displacement fields, on any laptop."""

from src.render.mesh.renderer import MeshRenderer, MeshState

__all__ = ["MeshRenderer", "MeshState"]
