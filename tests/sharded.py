"""One image over several devices: how far from one device's, and what the devices send each other, as JSON.

python tests/sharded.py DEVICES [ADDRESS HOSTS INDEX]
"""

import json
import re
import sys
from functools import partial

import jax
import numpy as np
from conftest import picture, thin
from flax import nnx

from jaxstyle import stylize
from jaxstyle.image.sharding import gathered, shard
from jaxstyle.methods import AdaIN, Gatys, Johnson
from jaxstyle.networks import VGG, vgg
from jaxstyle.networks.decoders import Decoder
from jaxstyle.networks.johnson import TransformNet
from jaxstyle.optimizers import LBFGS


def methods():
    """Return one of every kind, on random weights."""
    parameters = vgg.random_parameters("vgg16", 0)
    chain = {f"conv{block}_1": parameters[f"conv{block}_1"] for block in (1, 2, 3)}
    drawing = Decoder(3, (4, 6, 8), rngs=nnx.Rngs(1))
    drawing.conv1_1.kernel[...] += 0.02  # fresh decoders give plain grey
    small, layers = VGG(thin(chain, 8), "normalised"), {"relu1_1": 0.5, "relu3_1": 0.5}
    return {
        "gatys": Gatys(small, content_layers=layers, style_layers=layers, optimizer=LBFGS(memory=4), steps=3),
        "adain": AdaIN(VGG(chain, "normalised"), drawing, level=3),
        "johnson": Johnson(TransformNet(width=4, residuals=1, rngs=nnx.Rngs(1))),
    }


def measured(method, content, style):
    """Return the largest difference to one device, and the shapes of what is gathered."""
    parts = shard(content)
    compiled = jax.jit(partial(stylize, method)).lower(parts, style).compile()
    text = str(compiled.as_text())
    alone = np.asarray(jax.jit(partial(stylize, method))(content, style))
    return {
        "apart": float(np.max(np.abs(np.asarray(gathered(compiled(parts, style))) - alone))),
        "gathered": re.findall(r"= (\S+) all-gather", text),
        "permutes": text.count("collective-permute"),
    }


def main(devices, *hosts):
    jax.config.update("jax_num_cpu_devices", int(devices))
    if hosts:
        jax.distributed.initialize(hosts[0], int(hosts[1]), int(hosts[2]))
    content, style = np.asarray(picture(128, 40, 1)), np.asarray(picture(48, 36, 2))
    found = {name: measured(method, content, style) for name, method in methods().items()}
    print(json.dumps(found | {"devices": jax.device_count()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
