"""How far a result is from its content and its style; one file a kind, each metric named exactly."""

from jaxstyle.metrics.lpips import LPIPS
from jaxstyle.metrics.ssim import edge_ssim, ssim
from jaxstyle.metrics.style import covariance_distance, gram_distance

__all__ = ["LPIPS", "covariance_distance", "edge_ssim", "gram_distance", "ssim"]
