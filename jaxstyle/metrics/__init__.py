"""How far a result is from its content and its style; one file a kind, each metric named exactly."""

from jaxstyle.metrics.content import content_distance
from jaxstyle.metrics.lpips import LPIPS
from jaxstyle.metrics.psnr import psnr
from jaxstyle.metrics.ssim import edge_ssim, ssim
from jaxstyle.metrics.style import covariance_distance, gram_distance

__all__ = [
    "LPIPS",
    "content_distance",
    "covariance_distance",
    "edge_ssim",
    "gram_distance",
    "psnr",
    "ssim",
]
