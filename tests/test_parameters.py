"""Laws of the parameters: what is a network's passes unchanged, what is not gets one line that says where."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from jaxstyle.core import InputError
from jaxstyle.networks import alexnet, squeezenet, vgg
from jaxstyle.weights.layouts import from_torch
from jaxstyle.weights.parameters import ENCODERS, check, kernels

PATH = Path("some.file")
FIRES = (3, 4, 6, 7, 9, 10, 11, 12)  # as torchvision counts


def random_tensors(network: str, depth: int) -> dict[str, np.ndarray]:
    generator, made = np.random.default_rng(0), {}
    for layer, shape in list(kernels(network).items())[:depth]:
        made[f"{layer}.kernel"] = generator.standard_normal(shape, np.float32)
        made[f"{layer}.bias"] = generator.standard_normal(shape[3:], np.float32)
    return made


def random_network(network: str) -> dict[str, np.ndarray]:
    other = {"squeezenet": squeezenet, "alexnet": alexnet}
    nested = other[network].random_parameters(0) if network in other else vgg.random_parameters(network, 0)
    return {f"{layer}.{kind}": array for layer, conv in nested.items() for kind, array in conv.items()}


def torchvision_names(network: str) -> list[str]:
    if network == "squeezenet":
        parts = ("squeeze", "expand1x1", "expand3x3")
        return ["features.0", *(f"features.{number}.{part}" for number in FIRES for part in parts)]
    if network == "alexnet":
        return [f"features.{number}" for number in (0, 3, 6, 8, 10)]
    names, number = [], 0
    for depth in vgg.BLOCKS[network]:
        names += [f"features.{number + 2 * index}" for index in range(depth)]
        number += 2 * depth + 1
    return names


def torchvision_state(network: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what torchvision would save, with a small classifier."""
    shape = (5, 512, 1, 1) if network == "squeezenet" else (5, 7)
    state = torch_state(torchvision_names(network), network, tensors)
    return state | {f"classifier.1.{kind}": np.ones(shape, np.float32) for kind in ("weight", "bias")}


def torch_state(names: list[str], network: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    layers = [layer for layer in kernels(network) if f"{layer}.kernel" in tensors]
    state = {}
    for name, layer in zip(names, layers, strict=False):
        state[f"{name}.weight"] = tensors[f"{layer}.kernel"].transpose(3, 2, 0, 1)
        state[f"{name}.bias"] = tensors[f"{layer}.bias"]
    return state


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Assert equality as float32."""
    assert found.keys() == expected.keys()
    for key, array in found.items():
        assert array.dtype == np.float32 and array.flags.c_contiguous
        np.testing.assert_array_equal(array, np.asarray(expected[key], np.float32), key)


def refused(message: str, function, *arguments) -> None:
    with pytest.raises(InputError) as caught:
        function(*arguments, PATH)
    assert f"some.file: {message}" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("network", ENCODERS)
def test_kernels_are_those_of_the_network(network):
    shapes = {
        key.removesuffix(".kernel"): a.shape for key, a in random_network(network).items() if a.ndim == 4
    }
    assert list(shapes.items()) == list(kernels(network).items())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize(
    ("network", "depth"), [("vgg16", 1), ("vgg16", 8), ("squeezenet", 1), ("squeezenet", 4)]
)
def test_any_depth_and_float_type_becomes_float32(network, depth, dtype):
    tensors = {key: array.astype(dtype) for key, array in random_tensors(network, depth).items()}
    same(check(dict(reversed(tensors.items())), network, PATH), tensors)


def test_a_kernel_in_two_factors():
    tensors = random_tensors("vgg19", 2)
    tensors |= {"conv1_2.kernel": np.ones((3, 3, 64, 5)), "conv1_2.lift": np.ones((5, 64))}
    same(check(tensors, "vgg19", PATH), tensors)


ODD = np.ones(64, np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict.fromkeys(random_tensors("vgg19", 3)), "lacks conv1_1.kernel"),
        ({"conv1_2.kernel": None, "conv1_2.bias": None}, "lacks conv1_2.kernel"),
        ({"conv2_1.bias": None}, "lacks conv2_1.bias"),
        ({"features.0.bias": ODD}, "has features.0.bias, which vgg19 has not"),
        ({"conv3_9.bias": ODD}, "has conv3_9.bias, which vgg19 has not"),
        ({"conv1_1.scale": ODD}, "has conv1_1.scale, which vgg19 has not"),
        ({"conv1_2.bias": ODD[1:]}, "conv1_2.bias is float32 (63,), not float (64,)"),
        ({"conv1_2.bias": ODD.astype(np.int8)}, "conv1_2.bias is int8 (64,), not float (64,)"),
        (
            {"conv2_1.kernel": np.ones((128, 64, 3, 3))},
            "conv2_1.kernel is float64 (128, 64, 3, 3), not float (3, 3, 64, 128) (HWIO)",
        ),
        (
            {"conv1_1.lift": np.ones((2, 64))},
            "conv1_1.kernel is float32 (3, 3, 3, 64), not float (3, 3, 3, 2)",
        ),
        ({"conv1_1.lift": np.ones((64, 2))}, "conv1_1.lift is float64 (64, 2), not float (64, 64)"),
        ({"conv1_1.lift": np.ones(())}, "conv1_1.kernel is float32 (3, 3, 3, 64), not float (3, 3, 3)"),
        ({"conv1_2.bias": ODD * np.nan}, "conv1_2.bias has numbers that are not finite"),
        ({"conv1_1.bias": ODD * -np.inf}, "conv1_1.bias has numbers that are not finite"),
        ({"conv1_1.bias": ODD * np.float64(1e300)}, "conv1_1.bias has numbers that are not finite"),
    ],
)
def test_refuses_what_is_not_the_network(changes, message):
    changed = random_tensors("vgg19", 3) | changes
    refused(message, check, {key: array for key, array in changed.items() if array is not None}, "vgg19")


def test_a_fire_is_whole():
    refused("lacks fire3.expand3x3.kernel", check, random_tensors("squeezenet", 6), "squeezenet")


@pytest.mark.parametrize("network", ENCODERS)
def test_ports_torchvision(network):
    tensors = random_network(network)
    same(from_torch(torchvision_state(network, tensors), network, "torchvision", PATH), tensors)


NORMALISATION = {
    "0.weight": 255 * np.eye(3, dtype=np.float32)[::-1, :, None, None],
    "0.bias": -np.array([103.939, 116.779, 123.68], np.float32),
}
WILD = NORMALISATION | torch_state(["2", "5", "9", "12"], "vgg19", random_tensors("vgg19", 4))


def test_ports_vgg_normalised_as_deep_as_it_goes():
    same(from_torch(WILD, "vgg19", "normalised", PATH), random_tensors("vgg19", 4))


@pytest.mark.parametrize(
    ("flavour", "changes"),
    [
        ("torchvision", {}),
        ("normalised", {"0.bias": WILD["0.bias"] + 0.05}),
        ("normalised", {"0.bias": WILD["0.bias"][:1]}),
        ("normalised", {"0.weight": WILD["0.weight"][::-1]}),
        ("normalised", {"0.weight": WILD["0.weight"] * np.nan}),
    ],
)
def test_refuses_another_normalisation(flavour, changes):
    message = f"begins with another normalisation than that of vgg19 {flavour}"
    refused(message, from_torch, WILD | changes, "vgg19", flavour)


@pytest.mark.parametrize(
    ("given", "depth", "asked", "message"),
    [
        ("vgg19", 16, "vgg16", "has features.30.weight, which vgg16 has not"),
        ("vgg16", 8, "vgg19", "conv3_4.kernel is float32 (3, 3, 256, 512), not float (3, 3, 256, 256)"),
        (
            "vgg19",
            2,
            "squeezenet",
            "fire2.squeeze1x1.kernel is float32 (3, 3, 64, 64), not float (1, 1, 64, 16)",
        ),
        ("squeezenet", 4, "vgg19", "conv1_2.kernel is float32 (1, 1, 64, 16), not float (3, 3, 64, 64)"),
    ],
)
def test_refuses_another_network(given, depth, asked, message):
    refused(message, from_torch, torchvision_state(given, random_tensors(given, depth)), asked, "torchvision")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features.1.running_mean": ODD}, "has features.1.running_mean, which vgg19 has not"),
        ({"features.5.kernel": np.ones((128, 64, 3, 3))}, "has features.5.kernel, which vgg19 has not"),
        ({"features.5.weight": np.ones((99, 64, 3, 3))}, "conv2_1.kernel is float64 (3, 3, 64, 99)"),
        ({"features.0.weight": np.ones((64, 3, 3))}, "has features.0.weight, which vgg19 has not"),
        ({"features.0.bias": np.ones(3)}, "conv1_1.bias is float64 (3,), not float (64,)"),
        ({"features.0.bias": None}, "lacks conv1_1.bias"),
    ],
)
def test_refuses_what_torchvision_does_not_save(changes, message):
    state = torchvision_state("vgg19", random_tensors("vgg19", 2)) | changes
    state = {key: array for key, array in state.items() if array is not None}
    refused(message, from_torch, state, "vgg19", "torchvision")


def test_refuses_an_empty_state():
    refused("lacks conv1_1.kernel", from_torch, {}, "vgg19", "torchvision")
