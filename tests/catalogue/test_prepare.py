"""Preparing photographs: every kind of good one, every kind of bad one."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from clickme.catalogue.prepare import FORMATS, LeftOut, Reason, prepare
from clickme.settings import Limits

LIMITS = Limits()
WHITE, RED, GREEN, BLUE, GREY = (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (127, 127, 127)


def encoded(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def pixels(jpeg: bytes) -> NDArray[np.int16]:
    with Image.open(BytesIO(jpeg)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))
        return np.asarray(image).astype(np.int16)


def assert_all(jpeg: bytes, colour: tuple[int, int, int], tolerance: int = 3) -> None:
    """Every pixel has that colour, but for what JPEG makes of it."""
    assert np.abs(pixels(jpeg) - np.array(colour)).max() <= tolerance


def photograph(width: int = 320, height: int = 272) -> Image.Image:
    """Smooth, coloured, different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(
        np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin(x / 20) * np.cos(y / 30)], -1).astype(
            np.uint8
        )
    )


def reason(source: bytes | Path, limits: Limits = LIMITS) -> Reason:
    with pytest.raises(LeftOut) as caught:
        prepare(source, limits)
    assert caught.value.code == caught.value.reason
    assert caught.value.message.endswith(".")
    assert "\n" not in caught.value.message
    return caught.value.reason


# -- geometry ---------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(width=st.integers(256, 700), height=st.integers(256, 700))
def test_any_size_becomes_the_square_around_its_centre(width: int, height: int) -> None:
    """What is cut off leaves no trace: a slice of the pixels, prepared alone, gives the same bytes."""
    noise = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), np.uint8)
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(np.ascontiguousarray(noise[top : top + side, left : left + side]))
    prepared = prepare(encoded(Image.fromarray(noise), "BMP"), LIMITS)
    assert prepared == prepare(encoded(square, "BMP"), LIMITS)
    pixels(prepared)


@settings(max_examples=60, deadline=None)
@given(width=st.integers(256, 700), height=st.integers(256, 700))
def test_the_centre_stays_the_centre(width: int, height: int) -> None:
    """A cross through the middle of the photograph is found in the middle of what is prepared."""
    image = np.zeros((height, width), np.uint8)
    arm = min(width, height) // 16
    image[height // 2 - arm : (height + 1) // 2 + arm] = 255
    image[:, width // 2 - arm : (width + 1) // 2 + arm] = 255
    bright = pixels(prepare(encoded(Image.fromarray(image), "BMP"), LIMITS))[..., 0]
    for profile in (bright[0], bright[:, 0]):
        assert abs(np.average(np.arange(256), weights=profile.clip(8) - 8) - 127.5) <= 1


def test_a_photograph_of_the_right_size_is_not_resampled() -> None:
    image = photograph(256, 256)
    assert prepare(encoded(image), LIMITS) == encoded(image, "JPEG", quality=95, subsampling=0)


def test_scaling_down_does_not_alias() -> None:
    """Stripes of one pixel, four times too fine to be kept, become the grey that they are on average."""
    stripes = np.tile(np.array([0, 255], np.uint8), (1024, 512))
    away_from_the_edges = pixels(prepare(encoded(Image.fromarray(stripes)), LIMITS))[:, 4:-4]
    assert np.abs(away_from_the_edges - 127.5).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(orientation: int) -> None:
    """Each camera position of the EXIF standard (tag 0x0112), undone independently of Pillow with NumPy."""
    upright = np.asarray(photograph(300, 300))
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = prepare(encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif), LIMITS)
    assert np.abs(pixels(turned) - pixels(prepare(encoded(photograph(300, 300)), LIMITS))).max() <= 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's word to whoever prepares one by one
def test_an_exif_block_that_cannot_be_read_harms_nothing() -> None:
    broken = encoded(photograph(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert prepare(broken, LIMITS) == prepare(encoded(photograph(), "JPEG"), LIMITS)


# -- colours ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_is_read(format_: str) -> None:
    assert_all(prepare(encoded(Image.new("RGB", (300, 280), BLUE), format_), LIMITS), BLUE, tolerance=6)


def test_the_file_may_be_a_path(tmp_path: Path) -> None:
    (tmp_path / "n01440764_1.JPEG").write_bytes(encoded(photograph(), "JPEG"))
    assert prepare(tmp_path / "n01440764_1.JPEG", LIMITS) == prepare(encoded(photograph(), "JPEG"), LIMITS)


@pytest.mark.parametrize(
    ("image", "format_", "colour"),
    [
        (Image.new("L", (300, 300), 127), "JPEG", GREY),
        (Image.new("1", (300, 300), 1), "PNG", WHITE),
        (Image.new("RGB", (300, 300), GREEN).quantize(4), "PNG", GREEN),
        (Image.new("RGB", (300, 300), GREEN).quantize(4), "GIF", GREEN),
        (Image.new("RGBA", (300, 300), (*RED, 255)), "PNG", RED),
        (Image.new("RGBA", (300, 300), (0, 0, 0, 0)), "PNG", WHITE),
        (Image.new("RGBA", (300, 300), (0, 0, 255, 128)), "WEBP", (127, 127, 255)),
        (Image.new("LA", (300, 300), (0, 128)), "PNG", GREY),
        (Image.new("CMYK", (300, 300), (0, 255, 255, 0)), "JPEG", RED),
        (Image.new("CMYK", (300, 300), (0, 255, 255, 0)), "TIFF", RED),
        (Image.new("YCbCr", (300, 300), (76, 85, 255)), "TIFF", (254, 0, 0)),
    ],
    ids=lambda value: f"{value.mode}" if isinstance(value, Image.Image) else None,
)
def test_every_kind_of_pixel(image: Image.Image, format_: str, colour: tuple[int, int, int]) -> None:
    options = {"lossless": True} if format_ == "WEBP" else {}
    assert_all(prepare(encoded(image, format_, **options), LIMITS), colour, tolerance=4)


def test_cmyk_as_adobe_stores_it() -> None:
    """Adobe's JPEGs hold inverted ink, and say so in an APP14 segment, as Pillow writes it too."""
    jpeg = encoded(Image.new("CMYK", (300, 300), (255, 0, 255, 0)), "JPEG", quality=100)
    assert b"\xff\xee\x00\x0eAdobe" in jpeg
    assert_all(prepare(jpeg, LIMITS), GREEN, tolerance=4)


def test_a_transparent_palette_colour_lies_on_white() -> None:
    image = Image.new("P", (300, 300), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert_all(prepare(encoded(image, "GIF", transparency=0), LIMITS), WHITE)
    assert_all(prepare(encoded(image, "PNG", transparency=0), LIMITS), WHITE)


@pytest.mark.parametrize("format_", ["PNG", "TIFF"])
@pytest.mark.parametrize(("level", "grey"), [(0, 0), (128, 0), (129, 1), (25_700, 100), (65_535, 255)])
def test_sixteen_bits_are_scaled_not_clipped(format_: str, level: int, grey: int) -> None:
    deep = Image.fromarray(np.full((300, 300), level, np.uint16))
    assert (pixels(prepare(encoded(deep, format_), LIMITS)) == grey).all()


def test_big_endian_sixteen_bits() -> None:
    """A TIFF written byte by byte (TIFF 6.0, section 2): one strip of 256x256, 16 bits, high byte first."""
    tags = [(256, 256), (257, 256), (258, 16), (259, 1), (262, 1), (273, 8)]  # size, bits, plain, 0 is black
    tags += [(277, 1), (278, 256), (279, 131072)]  # one sample, one strip
    directory = struct.pack(">H", len(tags))
    directory += b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in tags)
    strip = np.full((256, 256), 25_700, ">u2").tobytes()
    tiff = b"MM\x00*" + struct.pack(">I", 8 + len(strip)) + strip + directory + bytes(4)
    assert (pixels(prepare(tiff, LIMITS)) == 100).all()


def test_of_an_animation_the_first_frame() -> None:
    first, second = (Image.new("RGB", (300, 300), colour) for colour in (RED, BLUE))
    for format_ in ("GIF", "WEBP", "PNG", "TIFF"):
        moving = encoded(first, format_, save_all=True, append_images=[second])
        assert_all(prepare(moving, LIMITS), RED, tolerance=6)


def test_the_prepared_file_says_nothing_but_its_pixels() -> None:
    """Its JPEG segments (ITU-T T.81, B.1.1.3): no APP but JFIF's, no comment. And 4:4:4."""
    exif = Image.Exif()
    exif[0x010E] = "a tench"
    jpeg = prepare(encoded(photograph(), "JPEG", exif=exif, comment=b"a tench", icc_profile=b"tench"), LIMITS)
    markers, sampling, at = set(), None, 2
    while jpeg[at + 1] != 0xDA:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        markers.add(marker)
        if marker == 0xC0:
            sampling = [jpeg[at + 11 + 3 * component] for component in range(3)]
        at += 2 + length
    assert markers == {0xE0, 0xDB, 0xC0, 0xC4}
    assert sampling == [0x11, 0x11, 0x11]
    assert b"tench" not in jpeg


# -- what is left out -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (255, 1000), (1000, 255), (255, 255)])
def test_too_small(size: tuple[int, int]) -> None:
    assert reason(encoded(Image.new("RGB", size))) == Reason.TOO_SMALL


@pytest.mark.parametrize("orientation", [1, 6])
def test_small_is_small_however_the_camera_was_held(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert reason(encoded(Image.new("RGB", (400, 255)), "JPEG", exif=exif)) == Reason.TOO_SMALL


def test_a_bomb_is_refused_by_its_header(bomb: bytes) -> None:
    assert reason(bomb) == Reason.TOO_LARGE


def test_the_limits_count() -> None:
    image = encoded(Image.new("RGB", (300, 300)))
    assert reason(image, Limits(source_pixels=300 * 300 - 1)) == Reason.TOO_LARGE
    assert reason(image, Limits(source_file_bytes=len(image) - 1)) == Reason.TOO_LARGE
    assert prepare(image, Limits(source_pixels=300 * 300, source_file_bytes=len(image)))


def test_text_named_jpeg(tmp_path: Path) -> None:
    (tmp_path / "n01440764_1.JPEG").write_text("This is not a photograph.\n" * 1000)
    assert reason(tmp_path / "n01440764_1.JPEG") == Reason.UNREADABLE


def test_formats_of_documents_and_oddities_are_not_opened() -> None:
    assert reason(encoded(Image.new("RGB", (300, 300)), "PPM")) == Reason.UNREADABLE
    assert reason(encoded(Image.new("RGB", (300, 300)), "ICO", sizes=[(256, 256)])) == Reason.UNREADABLE
    assert reason(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 300 300\n") == Reason.UNREADABLE


def test_nothing_and_nowhere(tmp_path: Path) -> None:
    assert reason(b"") == Reason.UNREADABLE
    assert reason(tmp_path / "gone.JPEG") == Reason.UNREADABLE
    assert reason(tmp_path) == Reason.UNREADABLE


def test_thirty_two_bits_have_no_white() -> None:
    assert reason(encoded(Image.new("F", (300, 300)), "TIFF")) == Reason.UNREADABLE
    assert reason(encoded(Image.new("I", (300, 300)), "TIFF")) == Reason.UNREADABLE


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("JPEG", {"progressive": True}),
        *((format_, {}) for format_ in FORMATS),
    ],
)
def test_a_truncated_file_is_refused_or_whole(format_: str, options: dict[str, Any]) -> None:
    """Cut anywhere, a photograph is never half grey: either all of its pixels are there or it is left out."""
    whole = encoded(photograph(), format_, **options)
    prepared = prepare(whole, LIMITS)
    for cut in [*range(0, len(whole) - 50, max(1, len(whole) // 40)), *range(len(whole) - 50, len(whole))]:
        try:
            assert prepare(whole[:cut], LIMITS) == prepared
        except LeftOut as left_out:
            assert left_out.reason == Reason.UNREADABLE
    assert reason(whole[: len(whole) // 2]) == Reason.UNREADABLE


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 3000), noise=st.binary(min_size=1, max_size=40), format_=st.sampled_from(FORMATS))
def test_damage_never_escapes_as_anything_but_a_reason(at: int, noise: bytes, format_: str) -> None:
    whole = encoded(photograph(260, 260), format_)
    try:
        pixels(prepare(whole[:at] + noise + whole[at + len(noise) :], LIMITS))
    except LeftOut as left_out:
        assert left_out.reason in Reason


def test_the_sample_of_the_challenge(shared_data: Path) -> None:
    """22 of its 200 are shorter than 256 px in height or width, by their JPEG headers (ITU-T T.81, B.2.2)."""
    small = 0
    for file in sorted((shared_data / "ilsvrc-sample" / "train").rglob("*.JPEG")):
        jpeg, at = file.read_bytes(), 2
        while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
            at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        height, width = struct.unpack(">HH", jpeg[at + 5 : at + 9])
        if min(height, width) < 256:
            small += 1
            assert reason(file) == Reason.TOO_SMALL
        else:
            pixels(prepare(file, LIMITS))
    assert small == 22
