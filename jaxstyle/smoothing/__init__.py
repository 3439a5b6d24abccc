"""Make it a photograph again: `smoother(image, content) -> image`, each a frozen pytree; one file a paper."""

from jaxstyle.core import Image, Smoother, pytree
from jaxstyle.smoothing.closed_form import ClosedForm
from jaxstyle.smoothing.guided import Guided
from jaxstyle.smoothing.screened_poisson import ScreenedPoisson


@pytree
class Unsmoothed:
    """Leave the result as it is."""

    def __call__(self, image: Image, content: Image) -> Image:
        return image


SMOOTHERS: dict[str, Smoother] = {
    "closed-form": ClosedForm(),
    "guided": Guided(),
    "screened-poisson": ScreenedPoisson(),
    "none": Unsmoothed(),
}

__all__ = ["SMOOTHERS", "ClosedForm", "Guided", "ScreenedPoisson", "Unsmoothed"]
