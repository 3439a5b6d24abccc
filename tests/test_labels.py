"""Laws of the masks that people paint: label maps of any tool, soft masks, and what two have in common."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxstyle import InputError
from jaxstyle.image import labels
from jaxstyle.image.labels import LABELS, SMALLEST, Painting, place_pair, place_styles

NAMES = list(LABELS)
SHAPE = (36, 48)
VOC = [
    (0, 0, 0),
    (128, 0, 0),
    (0, 128, 0),
    (128, 128, 0),
    (0, 0, 128),
    (128, 0, 128),
    (0, 128, 128),
    (64, 0, 0),
]
GREYS = [(value,) * 3 for value in (0, 128, 255)]
CLOSE = [(200, 10, 10), (212, 10, 10), (200, 22, 10), (90, 90, 90), (97, 90, 90)]


def painted(places, colours) -> np.ndarray:
    """Return the picture of the colours of every pixel, by number."""
    return np.asarray(colours, np.uint8)[places]


def stripes(count: int, shape=SHAPE) -> np.ndarray:
    """Return as many upright stripes, by number from the left."""
    return np.repeat(np.arange(shape[1])[None] * count // shape[1], shape[0], 0)


def disk(shape=SHAPE) -> np.ndarray:
    """Return 1 within a disk and 0 around it."""
    rows, columns = np.indices(shape)
    return (np.hypot(rows - shape[0] / 2, columns - shape[1] / 2) < shape[0] / 3).astype(int)


def antialiased(first, second, shape=SHAPE, factor=8) -> np.ndarray:
    """Return a disk of the second colour on the first, with the border that a drawing program makes."""
    large = painted(disk((shape[0] * factor, shape[1] * factor)), [first, second])
    return np.asarray(Image.fromarray(large).resize(shape[::-1], Image.Resampling.BOX))


def jpeg(picture: np.ndarray, quality=85) -> Painting:
    """Return a picture as a JPEG has it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return Painting("mask.jpg", np.asarray(Image.open(file).convert("RGB")), lossless=False)


def flat(value: int) -> Painting:
    return Painting("flat.png", np.full((*SHAPE, 3), value, np.uint8))


def found(painting, other=None):
    result = labels.label_map(painting, other)
    assert result is not None
    return result


RAMP = np.repeat(np.linspace(0, 255, SHAPE[1]).astype(np.uint8)[None, :, None], SHAPE[0], 0).repeat(3, 2)

# ---- label maps


@pytest.mark.parametrize(
    "colours", [[*LABELS.values()], VOC, GREYS, CLOSE], ids=["nine", "voc", "greys", "close"]
)
def test_labels_are_the_flat_values_that_the_file_holds(colours):
    places = stripes(len(colours))
    result = found(Painting("mask.png", painted(places, colours)))
    assert len(result.values) == len(colours)
    for index, colour in enumerate(colours):
        (at,) = np.flatnonzero(np.all(result.values == colour, axis=1))
        np.testing.assert_array_equal(result.masks[at], places == index)


@pytest.mark.parametrize("pair", [("red", "blue"), ("white", "green"), ("black", "yellow"), ("red", "green")])
def test_an_antialiased_border_belongs_to_its_two_labels_even_where_it_has_the_colour_of_a_third(pair):
    first, second = (LABELS[name] for name in pair)
    picture = antialiased(first, second).copy()
    picture[:4, :6] = (np.asarray(first, int) + second) // 2  # a third label: half way between
    result = found(Painting("mask.png", picture))
    assert {*pair} <= {*result.names}
    assert len(result.names) == 3
    inside = result.masks[result.names.index(pair[1])]
    assert np.mean(inside != disk()) < 0.02
    third = next(i for i, name in enumerate(result.names) if name not in pair)
    assert result.masks[third][6:, 8:].sum() == 0


@pytest.mark.parametrize("radius", [1, 2])
def test_a_blurred_border_ends_in_its_middle(radius):
    from PIL import ImageFilter

    picture = Image.fromarray(painted(stripes(2), [LABELS["red"], LABELS["blue"]]))
    result = found(Painting("mask.png", np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)))))
    assert result.names == ["red", "blue"]
    np.testing.assert_array_equal(result.masks[0], stripes(2) == 0)


@pytest.mark.parametrize("quality", [60, 80, 95])
def test_the_noise_of_jpeg_makes_no_labels(quality):
    colours = [LABELS[name] for name in ("red", "blue", "yellow", "white")]
    places = stripes(4, (96, 128))
    result = found(jpeg(painted(places, colours), quality))
    assert {*result.names} == {"red", "blue", "yellow", "white"}
    own = [result.names.index(name) for name in ("red", "blue", "yellow", "white")]
    assert np.mean(result.places != np.asarray(own)[places]) < 0.02


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2], [3, 7, 20], [0, 1, 2, 255]])
def test_an_index_map_in_a_grey_file_has_its_numbers_for_labels(classes):
    picture = np.asarray(classes, np.uint8)[stripes(len(classes))]
    result = found(Painting("map.png", np.repeat(picture[..., None], 3, -1)))
    assert result.names == [str(value) for value in classes]
    np.testing.assert_array_equal(result.places, stripes(len(classes)))


def test_a_palettes_indices_are_labels_whatever_their_colours(tmp_path):
    image = Image.fromarray(stripes(3).astype(np.uint8), "L").convert("P")
    image.putpalette([10, 10, 10] * 3)
    image.save(tmp_path / "map.png")
    result = found(labels.read_painting(tmp_path / "map.png"))
    assert result.names == ["0", "1", "2"]


def test_two_palettes_are_compared_by_their_colours(tmp_path):
    for name, order in (("a", (0, 1)), ("b", (1, 0))):
        image = Image.fromarray(np.asarray(order, np.uint8)[stripes(2)], "L").convert("P")
        image.putpalette([c for index in order for c in (LABELS["red"], LABELS["blue"])[index]])
        image.save(tmp_path / f"{name}.png")
    pair = place_pair(*(labels.read_painting(tmp_path / f"{name}.png") for name in "ab"))
    assert pair.names == ["red", "blue"]
    np.testing.assert_array_equal(pair.content, pair.style)


def test_an_antialiased_palette_has_no_labels_of_its_border(tmp_path):
    picture = antialiased(LABELS["red"], LABELS["blue"], (64, 64))
    Image.fromarray(picture).quantize(6).save(tmp_path / "map.png")
    _, remarks = place_styles(labels.read_painting(tmp_path / "map.png"), 2)
    assert len(remarks) == 1


def test_a_label_of_less_than_the_smallest_share_goes_to_what_is_around_it():
    picture = painted(stripes(2), [LABELS["black"], LABELS["white"]])
    picture[5, 5] = LABELS["blue"]
    assert 1 / picture[..., 0].size < SMALLEST
    result = found(Painting("mask.png", picture))
    assert result.names == ["white", "black"]
    np.testing.assert_array_equal(result.masks[1], stripes(2) == 0)


# ---- pairs


def test_what_only_one_mask_has_is_told_and_the_content_has_no_region_there():
    own = Painting("c.png", painted(stripes(2), [LABELS["red"], LABELS["green"]]))
    other = Painting("s.png", painted(stripes(2), [LABELS["green"], LABELS["blue"]]))
    pair = place_pair(own, other)
    assert pair.names == ["green"]
    assert pair.remarks == [
        "region red is only in c.png: it keeps the content's pixels",
        "region blue is only in s.png: it is not used",
    ]
    np.testing.assert_array_equal(pair.content[0], stripes(2) == 1)
    np.testing.assert_array_equal(pair.style[0], stripes(2) == 0)


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("name", ["white", "black"])
def test_a_region_that_one_grey_mask_lacks_keeps_the_content_and_a_level_of_grey_changes_nothing(name, level):
    halves = Painting("c.png", painted(stripes(2), [LABELS["black"], LABELS["white"]]))
    pair = place_pair(halves, flat(255 - level if name == "white" else level))
    assert pair.names == [name]
    np.testing.assert_array_equal(pair.content[0], stripes(2) == (name == "white"))
    assert len(pair.remarks) == 1
    assert ("white" if name == "black" else "black") in pair.remarks[0]
    with pytest.raises(InputError, match="no label in common"):
        place_pair(flat(level), flat(255))


def test_a_dirty_black_and_white_is_black_and_white():
    picture = painted(stripes(2), [LABELS["black"], LABELS["white"]])
    dirty = np.where(
        np.random.default_rng(0).random((*SHAPE, 1)) < 0.3, np.abs(picture.astype(int) - 1), picture
    )
    pair = place_pair(Painting("c.png", dirty.astype(np.uint8)), Painting("s.png", picture))
    assert pair.names == ["white", "black"]
    np.testing.assert_array_equal(pair.content, pair.style)


def test_no_label_in_common_is_refused_by_name():
    own, other = (
        painted(stripes(2), [LABELS[a], LABELS[b]]) for a, b in (("red", "blue"), ("yellow", "green"))
    )
    with pytest.raises(InputError, match="no label in common: red, blue and green, yellow"):
        place_pair(Painting("c.png", own), Painting("s.png", other))


# ---- soft masks


def test_soft_masks_are_white_and_black_and_add_up_to_one():
    pair = place_pair(Painting("c.png", RAMP), Painting("s.png", RAMP[:, ::-1]))
    assert pair.names == ["white", "black"]
    np.testing.assert_allclose(np.sum(pair.content, 0), 1, atol=1e-6)
    np.testing.assert_allclose(pair.content[0], RAMP[..., 0] / 255, atol=0.04)
    np.testing.assert_allclose(pair.content, pair.style[:, :, ::-1], atol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("soft", [RAMP, np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), np.uint8)])
def test_labels_and_a_soft_mask_are_no_pair_but_black_and_white_are(soft, turned):
    def pair(names):
        hard = Painting("c.png", painted(stripes(2), [LABELS[name] for name in names]))
        both = hard, Painting("s.png", soft)
        return place_pair(*(both[::-1] if turned else both))

    with pytest.raises(InputError, match=r"c.png is a map of labels, red, blue, and s.png is a soft mask"):
        pair(("red", "blue"))
    assert pair(("black", "white")).names == ["white", "black"]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_soft_mask_blends_as_many_styles_as_there_are(count):
    masks, _ = place_styles(Painting("c.png", RAMP), count)
    np.testing.assert_allclose(np.sum(masks, 0), 1, atol=1e-6)
    assert np.all(np.asarray(masks).max((1, 2)) > 0.9)
    np.testing.assert_allclose(np.asarray(masks)[:, 0].argmax(1), np.linspace(47, 0, count), atol=1.5)


def test_a_feathered_black_and_white_is_soft():
    picture = np.clip(RAMP.astype(int) * 3 - 255, 0, 255).astype(np.uint8)
    masks, _ = place_styles(Painting("c.png", picture), 2)
    assert np.any((masks[0] > 0.2) & (masks[0] < 0.8))
    assert set(np.unique(masks[0][:, [0, -1]])) == {0, 1}


def test_a_photograph_is_taken_as_soft_and_said():
    noise = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)
    photograph = np.asarray(Image.fromarray(noise).resize((96, 72), Image.Resampling.BICUBIC))
    _, remarks = place_styles(Painting("photo.jpg", photograph), 2)
    assert "no map of few flat colours" in remarks[0]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_another_number_of_styles_is_refused_by_the_names_of_the_regions(count):
    picture = painted(stripes(3), [LABELS[name] for name in ("red", "green", "blue")])
    with pytest.raises(InputError, match=f"3 regions, red, green, blue: give as many styles, not {count}"):
        place_styles(Painting("c.png", picture), count)


def test_regions_go_to_the_styles_in_the_order_of_the_names():
    picture = painted(stripes(2), [LABELS["blue"], LABELS["red"]])
    masks, remarks = place_styles(Painting("c.png", picture), 2)
    np.testing.assert_array_equal(masks[0], stripes(2) == 1)
    assert remarks == ["c.png: red is style 1, blue is style 2"]


@pytest.mark.parametrize("quality", [75, 95])
def test_a_border_of_a_jpeg_is_where_its_colours_meet(quality):
    places = np.zeros((48, 64), int)
    places[21:, :30], places[33:, 40:] = 1, 2
    colours = [LABELS[name] for name in ("red", "green", "blue")]
    result = found(jpeg(painted(places, colours), quality))
    order = [result.names.index(name) for name in ("red", "green", "blue")]
    assert np.mean(result.places != np.asarray(order)[places]) < 0.02


def test_an_index_map_of_16_bits_is_one_of_8(tmp_path):
    Image.fromarray(np.asarray([0, 1, 2], np.uint16)[stripes(3)]).save(tmp_path / "map.png")
    assert found(labels.read_painting(tmp_path / "map.png")).names == ["0", "1", "2"]


def test_greys_are_in_the_order_of_a_soft_mask():
    result = found(Painting("mask.png", painted(stripes(3), [(20,) * 3, (120,) * 3, (220,) * 3])))
    np.testing.assert_array_equal(result.values[:, 0], [220, 120, 20])
