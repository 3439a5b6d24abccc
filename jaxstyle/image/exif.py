"""EXIF blocks, byte by byte: directories of tags are read, and written again.

EXIF (CIPA DC-008) is a TIFF file without a picture: directories of entries `tag, type, count, value`, of
which the main one points to one of how the photograph was taken and one of where. Here a directory is
`{tag: (type, bytes)}`, little-endian; values go through byte for byte, where a library that turns them
into text and numbers and back makes "?" of the "©" in a copyright.
"""

import os
import struct
from io import BytesIO
from typing import BinaryIO, NamedTuple

import numpy as np

Tags = dict[int, tuple[int, bytes]]

SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 4,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 8,
}  # of what bytes are swapped in
SIZES_OF_BIG_TIFF = {**SIZES, 13: 4, 16: 8, 17: 8, 18: 8}
BYTE, ASCII, SHORT, LONG, RATIONAL, SIGNED_RATIONAL = 1, 2, 3, 4, 5, 10
PHOTOGRAPH, PLACE = 34665, 34853  # the entries that point to directories
NESTED = (PHOTOGRAPH, PLACE)
PREFIX = b"Exif\0\0"
SUBFILE_TYPE, REDUCED = 254, 1
LARGEST_VALUE, MOST_ENTRIES, MOST_PICTURES = 2**26, 4096, 2**16  # beyond, a file is damaged


class Directories(NamedTuple):
    """The main directory of an EXIF block, those of the photograph and of its place."""

    main: Tags = {}
    photograph: Tags = {}
    place: Tags = {}


def read_block(exif: bytes, remarks: list[str]) -> Directories:
    """Return the directories of an EXIF block; b"" has none."""
    return read(BytesIO(exif.removeprefix(PREFIX)), remarks) if exif else Directories()


def read(file: BinaryIO, remarks: list[str]) -> Directories:
    """Return the directories of an open file that begins like a TIFF file, or like a BigTIFF.

    Entries that point outside of the file are left out; a directory that does is empty, which is said
    among the `remarks`.
    """
    directories = []
    try:
        head, layout = _layout(file)
        directories = [_directory(file, head, *layout)]
        for tag in NESTED:
            start = directories[0].get(tag)
            directories += [_directory(file, int.from_bytes(start[1], "little"), *layout) if start else {}]
    except (ValueError, OverflowError, OSError) as error:  # of an offset that no file has
        remarks.append(f"EXIF is damaged ({error}): left out where it is")
    return Directories(*directories)


def count_pictures(file: BinaryIO) -> int:
    """Return how many main directories follow one another in a TIFF file, less those of reduced pictures."""
    start, layout = _layout(file)
    kinds: dict[int, int] = {}
    while start and start not in kinds and len(kinds) < MOST_PICTURES:
        try:
            _, subfile_type = _directory(file, start, *layout).get(SUBFILE_TYPE, (LONG, b"\0"))
            kinds[start] = subfile_type[0] & REDUCED
            start = _next(file, start, *layout)
        except (ValueError, OverflowError, OSError):  # damaged after the first
            break
    return sum(not reduced for reduced in kinds.values())


def _next(file: BinaryIO, start: int, count: str, word: str) -> int:
    """Return where the directory is that follows one; 0 if none does."""
    file.seek(start)
    entries = _number(count, file.read(struct.calcsize(count)))
    file.seek(entries * (4 + 2 * struct.calcsize(word)), os.SEEK_CUR)
    return _number(word, file.read(struct.calcsize(word)))


def _layout(file: BinaryIO) -> tuple[int, tuple[str, str]]:
    """Return where the main directory is, and the layouts of a count and of an offset."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    version = head[2:4] if order == "<" else head[3:1:-1]
    layouts = {
        b"*\0": ("H", "I", 4),
        b"+\0": ("Q", "Q", 8),
    }  # of a count, of an offset, and where the first is
    if not order or version not in layouts:
        raise ValueError("it does not begin like a TIFF file")
    count, word, where = layouts[version]
    layout = order + count, order + word
    return _number(layout[1], head[where:]), layout


def _directory(file: BinaryIO, start: int, count: str, word: str) -> Tags:
    file.seek(start)
    entries = _number(count, file.read(struct.calcsize(count)))
    entry = struct.Struct(f"{word[0]}HH{word[1]}{struct.calcsize(word)}s")
    if entries > MOST_ENTRIES:
        raise ValueError("a directory of too many entries")
    data, tags = file.read(entry.size * entries), {}
    if len(data) < entry.size * entries:
        raise ValueError("a directory that is cut off")
    for tag, kind, length, value in entry.iter_unpack(data):
        width = SIZES_OF_BIG_TIFF.get(kind, 0)
        size = length * _width(kind)
        if len(value) < size <= LARGEST_VALUE:
            file.seek(_number(word, value))
            value = file.read(size)
        if width and 0 < size <= len(value):
            swapped = np.frombuffer(value[:size], f"{word[0]}u{width}").astype(f"<u{width}")
            tags[tag] = (kind, swapped.tobytes())
    return tags


def _number(layout: str, data: bytes) -> int:
    if len(data) < struct.calcsize(layout):
        raise ValueError("an offset that is cut off")
    return struct.unpack_from(layout, data)[0]


def _width(kind: int) -> int:
    """Return the bytes of one value of a type."""
    return SIZES_OF_BIG_TIFF.get(kind, 0) * (2 if kind in (RATIONAL, SIGNED_RATIONAL) else 1)


def length(kind: int, value: bytes) -> int:
    """Return how many values of a type there are."""
    return len(value) // _width(kind)


def block(directories: Directories) -> bytes:
    """Return directories as an EXIF block; b"" if all are empty."""
    if not any(directories):
        return b""
    return PREFIX + b"II*\0\x08\0\0\0" + linked(directories, 8)


def linked(directories: Directories, start: int) -> bytes:
    """Return directories one after another, the main one first, as they lie from the offset `start` on."""
    nested = {tag: tags for tag, tags in zip(NESTED, directories[1:], strict=True) if tags}
    main = {**directories.main, **{tag: (LONG, bytes(4)) for tag in nested}}
    body, end = b"", start + len(directory(main, start))
    for tag, tags in nested.items():
        main[tag] = (LONG, struct.pack("<I", end + len(body)))
        body += directory(tags, end + len(body))
    return directory(main, start) + body


def directory(tags: Tags, start: int) -> bytes:
    """Return one directory as it lies at the offset `start` of a little-endian TIFF file."""
    entries, values = struct.pack("<H", len(tags)), b""
    end = start + 2 + 12 * len(tags) + 4
    for tag, (kind, value) in sorted(tags.items()):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack("<I", end + len(values))
            values += value + bytes(len(value) % 2)
        entries += struct.pack("<HHI4s", tag, kind, length(kind, value), place)
    return entries + bytes(4) + values
