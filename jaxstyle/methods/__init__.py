"""One paper, one file: `prepare(style) -> target`, `apply(content, target) -> image`."""

from jaxstyle.methods.gatys import Gatys

__all__ = ["Gatys"]
