"""Pack what training runs left as float16 into the bundle.

    python -m experiments.train.bundle RUN/johnson.safetensors --name johnson-strokes
    python -m experiments.train.bundle LEVELS1-4.safetensors LEVELS2-3.safetensors --name wct-decoders

The file is `weights/<name with underscores>.safetensors`, as `weights/manifest.toml` lists it. Several files
are stages of one training: the last that has a tensor gives it, and what they say of their training is put
in a row.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from jaxstyle import weights

FOLDER = Path(__file__).parents[2] / "weights"


def main():
    """Pack one file, and prove that it loads."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--name", required=True, help="the name in the manifest")
    options = parser.parse_args()
    arrays, described = {}, []
    for path in options.files:
        with safe_open(path, "numpy") as file:
            described.append(file.metadata())
            names = list(file.keys())
            arrays |= {name: file.get_tensor(name).astype(np.float16) for name in names}
    metadata = described[0]
    if len(described) > 1:
        stages = [json.loads(given["training"]) for given in described]
        runs = [run for stage in stages for run in (stage if isinstance(stage, list) else [stage])]
        metadata |= {"training": json.dumps(runs)}
    if metadata["network"] == "decoders":
        configs = [json.loads(given["config"]) for given in described]
        levels = sorted({level for config in configs for level in config["levels"]})
        metadata |= {"config": json.dumps(configs[0] | {"levels": levels})}
    target = FOLDER / f"{options.name.replace('-', '_')}.safetensors"
    target.write_bytes(weights.packed(arrays, metadata))
    print(f"{target.name}: {weights.load(options.name)}, {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
