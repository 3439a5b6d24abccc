"""How far a result is from its content and its style; one file a kind, each metric named exactly."""

from jaxstyle.metrics.ssim import edge_ssim, ssim
from jaxstyle.metrics.style import gram_distance

__all__ = ["edge_ssim", "gram_distance", "ssim"]
