"""Make it a photograph again: `smoother(image, content) -> image`, each a frozen pytree; one file a paper."""

from collections.abc import Callable

from jaxstyle.core import Image
from jaxstyle.smoothing.closed_form import ClosedForm
from jaxstyle.smoothing.guided import Guided
from jaxstyle.smoothing.screened_poisson import ScreenedPoisson

Smoother = Callable[[Image, Image], Image]
SMOOTHERS: dict[str, Smoother] = {
    "closed-form": ClosedForm(),
    "guided": Guided(),
    "screened-poisson": ScreenedPoisson(),
}

__all__ = ["SMOOTHERS", "ClosedForm", "Guided", "ScreenedPoisson", "Smoother"]
