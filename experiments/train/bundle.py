"""Pack what training runs left as float16 into the bundle.

    python -m experiments.train.bundle RUN/wct-decoders.safetensors --name wct-decoders
    python -m experiments.train.bundle RUN/johnson.safetensors --name johnson-strokes

The file is `weights/<name with underscores>.safetensors`, as `weights/manifest.toml` lists it.
"""

import argparse
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from jaxstyle import weights

FOLDER = Path(__file__).parents[2] / "weights"


def main():
    """Pack one file, and prove that it loads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--name", required=True, help="the name in the manifest")
    options = parser.parse_args()
    with safe_open(options.file, "numpy") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name).astype(np.float16) for name in file.keys()}  # noqa: SIM118
    target = FOLDER / f"{options.name.replace('-', '_')}.safetensors"
    save_file(arrays, target, metadata)
    print(f"{target.name}: {weights.load(options.name)}, {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
