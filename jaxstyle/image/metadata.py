"""What a file says of its picture beside the pixels: EXIF, XMP and resolution come through to a result.

What describes the picture and how it was taken comes through: title, author, copyright, dates, camera,
lens, exposure, place. What describes the old pixels does not: orientation (it has been applied), width and
height, the thumbnail, the colour space (it is sRGB now), edit settings, gain maps, and the maker note, a
camera's private block that often holds a preview and that breaks where it is moved.

EXIF goes through by tag (`exif.py`), XMP (ISO 16684-1), which is RDF, by namespace. IPTC's properties are
among those of XMP; the older block of IPTC-IIM is not read.
"""

import struct
from fractions import Fraction
from typing import NamedTuple
from xml.etree import ElementTree

from jaxstyle.image import exif as exif_blocks
from jaxstyle.image.exif import LONG, RATIONAL, SHORT, Directories, Tags

ORIENTATION, COPYRIGHT, XMP, PROFILE = 274, 33432, 700, 34675
DESCRIPTIVE = {269, 270, 271, 272, 305, 306, 315, 316, COPYRIGHT, 18246, 18249, *range(40091, 40096)}
OF_OLD_PIXELS = {0x9101, 0x9102, 0x9214, 0x927C, 0xA002, 0xA003, 0xA005, 0xA214, 0xA500}
COLOR_SPACE, SRGB = 0xA001, (SHORT, struct.pack("<H", 1))
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
INCHES = {2: 1.0, 3: 2.54}  # per inch, per centimetre
LARGEST = 65000  # bytes: the segments of a JPEG hold 65,533
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
}
TECHNICAL = {"Thumbnails", "ColorMode", "ICCProfile", "History", "DocumentAncestors", "SidecarForExtension"}

for prefix, uri in {**NAMESPACES, "rdf": RDF[1:-1], "x": "adobe:ns:meta/"}.items():
    ElementTree.register_namespace(prefix, uri)


class Metadata(NamedTuple):
    """What comes through from a file to a result.

    `exif` is the block of a JPEG, from `Exif\\0\\0` on, without orientation, thumbnail and size; `xmp` a
    packet; `dpi` dots an inch, across and down; `settings` a text on how the result was made.
    """

    exif: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    settings: str = ""


def collect(directories: Directories, xmp: bytes, dpi: object, remarks: list[str]) -> Metadata:
    """Return what comes through of a file's tags, XMP packet and dots an inch.

    What is damaged or impossible is left out, with a line among the `remarks`.
    """
    photograph = _of_picture(
        {tag: directories.photograph[tag] for tag in directories.photograph.keys() - OF_OLD_PIXELS}
    )
    main = _of_picture({tag: directories.main[tag] for tag in directories.main.keys() & DESCRIPTIVE})
    carried = Directories(main, photograph, _of_picture(directories.place))
    block = (
        exif_blocks.block(carried._replace(photograph={**photograph, COLOR_SPACE: SRGB}))
        if any(carried)
        else b""
    )
    packet = descriptive_xmp(xmp or directories.main.get(XMP, (1, b""))[1], remarks)
    sizes = {"EXIF": len(block), "XMP": len(packet)}
    remarks += [
        f"{name} of {size} bytes is too long: left out" for name, size in sizes.items() if size > LARGEST
    ]
    block, packet = (part if len(part) <= LARGEST else b"" for part in (block, packet))
    return Metadata(block, packet, possible_dpi(dpi or _stated_dpi(directories.main), remarks))


def _of_picture(tags: Tags) -> Tags:
    """Return the tags of types that EXIF has: those of BigTIFF it has not."""
    return {tag: value for tag, value in tags.items() if value[0] in exif_blocks.SIZES}


def descriptive_xmp(packet: bytes, remarks: list[str]) -> bytes:
    """Return a packet of those properties that are in `NAMESPACES`; b"" if there are none."""
    packet = packet.strip(b"\0 \r\n")
    if not packet:
        return b""
    try:
        if b"<!DOCTYPE" in packet:  # which XMP has not: it can make a few bytes very many
            raise ElementTree.ParseError
        root = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError, LookupError):
        remarks.append("XMP is damaged: left out")
        return b""
    new = ElementTree.Element(f"{RDF}Description", {f"{RDF}about": ""})
    for rdf in root.iter(f"{RDF}RDF"):
        for old in rdf.findall(f"{RDF}Description"):
            new.attrib |= {name: value for name, value in old.attrib.items() if _is_descriptive(name)}
            new.extend([child for child in old if _is_descriptive(child.tag)])
    return _packet(new) if len(new) or len(new.attrib) > 1 else b""


def _is_descriptive(name: str) -> bool:
    namespace, _, local = name.removeprefix("{").partition("}")
    return namespace in NAMESPACES.values() and local not in TECHNICAL


def _packet(description: ElementTree.Element) -> bytes:
    meta = ElementTree.Element("{adobe:ns:meta/}xmpmeta")
    ElementTree.SubElement(meta, f"{RDF}RDF").append(description)
    begin = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode()
    return begin + ElementTree.tostring(meta, encoding="utf-8") + b'<?xpacket end="w"?>'


def _stated_dpi(tags: Tags) -> tuple[float, float] | None:
    """Return the dots an inch that tags state."""
    unit = tags.get(RESOLUTION_UNIT, (SHORT, b"\2\0"))[1]
    inches = INCHES.get(int.from_bytes(unit, "little"))
    across, down = (tags.get(tag, (LONG, b""))[1] for tag in (X_RESOLUTION, Y_RESOLUTION))
    if inches is None or len(across) != 8 or len(down) != 8:
        return None
    (dots, over), (lines, under) = struct.unpack("<II", across), struct.unpack("<II", down)
    return (inches * dots / over, inches * lines / under) if over and under else None


def possible_dpi(dpi: object, remarks: list[str]) -> tuple[float, float] | None:
    """Return dots an inch that every format can hold: from 1 to 65535; None for none.

    They are whole where they may have been: a PNG holds 2835 dots a metre for 72 an inch.
    """
    if not isinstance(dpi, tuple) or len(dpi) != 2 or not any(dpi):
        return None
    across, down = (_whole(float(value)) for value in dpi)
    if not (1 <= across <= 65535 and 1 <= down <= 65535):
        remarks.append(f"a resolution of {across:g} x {down:g} dots an inch is not possible: left out")
        return None
    return across, down


def _whole(value: float) -> float:
    half = 0.0254 / 2  # of a dot a metre
    return float(round(value)) if abs(value) < 1e9 and abs(value - round(value)) <= half else round(value, 2)


def with_resolution(directories: Directories, dpi: tuple[float, float] | None) -> Directories:
    """Return tags that state a resolution too, for formats that have no other place for it."""
    if dpi is None:
        return directories
    rational = lambda value: struct.pack("<II", *Fraction(value).limit_denominator(100).as_integer_ratio())
    stated: Tags = {
        X_RESOLUTION: (RATIONAL, rational(dpi[0])),
        Y_RESOLUTION: (RATIONAL, rational(dpi[1])),
        RESOLUTION_UNIT: (SHORT, struct.pack("<H", 2)),
    }
    return directories._replace(main={**directories.main, **stated})
