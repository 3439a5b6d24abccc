"""`jaxstyle export`: Write a trained network as StableHLO or ONNX, for images of any size."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from jaxstyle.cli.build import network
from jaxstyle.core import InputError
from jaxstyle.image import io
from jaxstyle.methods import Johnson
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.networks.stablehlo import program
from jaxstyle.options import one_of

app = App("export")


def onnx(net: TransformNet) -> bytes:
    """Return the network as an ONNX model."""
    from jaxstyle.networks.onnx import model

    return model(net).SerializeToString()


FORMATS: dict[str, Callable[[TransformNet], bytes]] = {".stablehlo": program, ".onnx": onnx}


@app.default
def run(
    method: Annotated[str, one_of(["johnson"])],
    /,
    *,
    weights: Annotated[str, Parameter(metavar="NAME")],
    output: Annotated[Path, Parameter(alias="-o", metavar="FILE")],
) -> int:
    """Write the file.

    Args:
        method: whose network it is
        weights: trained weights by name, or a .safetensors file
        output: the file to write; its name ends in .stablehlo or .onnx
    """
    io.check_output(output, FORMATS)
    net = network(weights, Johnson, TransformNet)
    try:
        content = FORMATS[output.suffix.lower()](net)
    except ImportError as error:
        raise InputError(f'exporting needs more packages: pip install "jaxstyle[export]" ({error})') from None
    io.replace(output, lambda path: path.write_bytes(content))
    print(f"{output}: {len(content) / 1e6:.1f} MB")
    return 0
