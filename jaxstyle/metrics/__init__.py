"""How far a result is from its content and its style; one file a kind, each metric named exactly."""

from jaxstyle.metrics.content import content_distance
from jaxstyle.metrics.grain import grain
from jaxstyle.metrics.grid import grid
from jaxstyle.metrics.lpips import LPIPS
from jaxstyle.metrics.psnr import psnr
from jaxstyle.metrics.ssim import edge_ssim, ssim
from jaxstyle.metrics.style import StyleRemainder, covariance_distance, gram_distance
from jaxstyle.metrics.texture import texture_energy, unpainted
from jaxstyle.metrics.weave import weave

__all__ = [
    "LPIPS",
    "StyleRemainder",
    "content_distance",
    "covariance_distance",
    "edge_ssim",
    "grain",
    "gram_distance",
    "grid",
    "psnr",
    "ssim",
    "texture_energy",
    "unpainted",
    "weave",
]
