"""The same pictures before and after a change: what commands make of a few inputs, kept and compared.

    python -m tests.pictures keep DIR          before
    python -m tests.pictures compare DIR       after: names what is further off than `LEVELS` of 16 bits

Every method, masks, several styles, tiles, a sweep, sharded rows, a descent that goes on. By hand, as floats
differ from machine to machine.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

LEVELS = 1  # of 65,535
QUICK = {
    "gatys": "--steps 4",
    "mrf": "--steps 4",
    "mmd": "--steps 4",
    "nnst": "--steps 4",
    "strotss": "--steps 4",
    "deep-photo": "--steps 3 --paint-steps 2",
    "reconstruct": "--steps 4",
    "dream": "--steps 4",
    "adain": "",
    "wct": "",
    "histogram": "--levels 3,2",
    "optimal": "--levels 3,2 --rotations 2",
    "gpdm": "--patch 3 --passes 1 --rotations 2",
    "style-swap": "",
    "linear": "",
    "photo-wct": "--levels 3,2",
    "wct2": "--places encoder,skips,decoder",
    "johnson": "--weights johnson-ink",
    "reinhard": "",
    "monge": "",
    "pitie": "",
    "color-histogram": "",
}
STYLELESS = ("johnson", "reconstruct", "dream")
TILED = ("gatys", "mmd", "adain", "wct", "style-swap", "johnson", "reinhard", "monge", "dream")
MASKED = [name for name in QUICK if name not in STYLELESS]
HALVES = "--content-mask halves.png --style-mask halves.png"
MORE = {
    "gatys-presets": "gatys photo.png style.png --preset author --encoder vgg19-lite --steps 4",
    "gatys-noise": "gatys photo.png style.png --steps 4 --init noise --seed 3 --tv-weight 1",
    "gatys-adam": "gatys photo.png style.png --steps 4 --optimizer adam",
    "gatys-zoom": "gatys photo.png style.png --steps 2 --optimizer zoom",
    "gatys-spectral": "gatys photo.png style.png --steps 4 --optimizer spectral --init other.png",
    "gatys-sliced": "gatys photo.png style.png --steps 4 --style-loss sliced",
    "gatys-histogram": "gatys photo.png style.png --steps 4 --style-loss gram-histogram",
    "gatys-pyramid": "gatys photo.png style.png --steps 3 --pyramid 3",
    "gatys-luminance": "gatys photo.png style.png --steps 3 --keep-color luminance --smooth guided",
    "gatys-transparent": "gatys clear.png style.png --steps 3",
    "adain-matched": "adain photo.png style.png --keep-color matched --smooth closed-form",
    "adain-luminance-tiled": "adain photo.png style.png --keep-color luminance --tile 32",
    "adain-transparent": "adain clear.png style.png",
    "adain-alpha": "adain photo.png style.png --alpha 0.4",
    "adain-screened": "adain photo.png style.png --smooth screened-poisson",
    "wct-monge": "wct photo.png style.png --whitening monge --levels 3,2",
    "johnson-keep": "johnson photo.png --weights johnson-glass --keep-color luminance --alpha 0.5",
    "sweep": "sweep gatys photo.png style.png --steps 3 --over style-weight=1,10 --over tv-weight=0,1",
    "sweep-adain": "sweep adain photo.png style.png --over alpha=0.2,0.7",
}


def commands() -> dict[str, str]:
    """Return the commands by name."""
    every = {}
    for name, quick in QUICK.items():
        pictures = "photo.png" if name in STYLELESS else "photo.png style.png"
        every[name] = f"{name} {pictures} {quick}"
        if name in TILED:
            every[f"{name}-tiled"] = f"{name} {pictures} {quick} --tile 32"
        if name in MASKED:
            every[f"{name}-masked"] = f"{name} {pictures} {quick} {HALVES}"
            every[f"{name}-mixed"] = f"{name} photo.png style.png other.png {quick} --mix 1 3"
    for name in ("gatys", "adain", "johnson"):
        every[f"{name}-sharded"] = f"{every[name]} --shard"
    return every | MORE


def draw(folder: Path) -> None:
    """Write the inputs: smooth noise, two halves, a hole."""
    generator = np.random.default_rng(0)
    for name in ("photo", "style", "other"):
        small = Image.fromarray(generator.integers(0, 255, (7, 9, 3), np.uint8))
        small.resize((83, 64), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    halves = np.zeros((64, 83, 3), np.uint8)
    halves[:, :30, 0], halves[:, 30:, 2] = 255, 255
    Image.fromarray(halves).save(folder / "halves.png")
    with Image.open(folder / "photo.png") as photo:
        alpha = np.full((64, 83), 255, np.uint8)
        alpha[10:30, 20:50] = 90
        Image.fromarray(np.dstack([np.asarray(photo), alpha])).save(folder / "clear.png")


def file_of(name: str) -> str:
    """Return the file of a command's picture: a sweep's sheet has 8 bits, all others 16."""
    return f"{name}.{'png' if name.startswith('sweep') else 'tiff'}"


def make(folder: Path, only: list[str]) -> None:
    """Make all pictures in a folder."""
    import jax

    from jaxstyle.cli import main

    folder.mkdir(parents=True, exist_ok=True)
    draw(folder)
    os.chdir(folder)
    for name, command in commands().items():
        if not only or name in only:
            words, file = command.split(), file_of(name)
            deep = ["--depth", "16"] if file.endswith(".tiff") else []
            assert main([*words, "--output", file, *deep]) == 0, command
            jax.clear_caches()  # hundreds of programs would not fit in one process
    if not only:
        going_on()


def going_on() -> None:
    """Make half of a descent, as a run that is killed does, and go on."""
    shutil.rmtree("kept", ignore_errors=True)
    command = "gatys photo.png style.png --steps 20 --checkpoint kept --output going-on.tiff --depth 16"
    code = "import sys; from jaxstyle import cli; sys.exit(cli.main(sys.argv[1:]))"
    program = subprocess.Popen([sys.executable, "-c", code, *command.split()])
    while not Path("kept/checkpoint.safetensors").exists() and program.poll() is None:
        pass
    program.kill()
    program.wait()
    subprocess.run([sys.executable, "-c", code, *command.split()], check=True)


def pixels(path: Path) -> np.ndarray:
    """Return the numbers of a picture."""
    from jaxstyle.image import io

    return np.asarray(io.open_picture(path).image) * 65535


def main() -> int:
    """Keep the pictures, or make them again and compare."""
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 " + os.environ.get("XLA_FLAGS", "")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("keep", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--now", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    options = parser.parse_args()
    kept = options.folder.absolute() / "kept"
    here = kept if options.what == "keep" else (options.now or options.folder / "now").absolute()
    make(here, options.only)
    worst = 0.0
    for name in options.only or [*commands(), "going-on"]:
        before, after = (pixels(place / file_of(name)) for place in (kept, here))
        same = before.shape == after.shape
        off = float(np.max(np.abs(before - after))) if same else 65535.0
        if off > LEVELS:
            print(f"{name}: {off:.1f} of 65535")
        worst = max(worst, off)
    print(f"worst: {worst:.1f} of 65535")
    return int(worst > LEVELS)


if __name__ == "__main__":
    sys.exit(main())
