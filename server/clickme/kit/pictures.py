"""What every photograph goes through before it is scaled, whoever prepares it."""

from PIL import Image, ImageOps


def upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF data say that it was taken; it is turned in place."""
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # an EXIF block that cannot be read says nothing; the photograph itself is whole
        return image
    return image


def centre(image: Image.Image) -> Image.Image:
    """The largest square around the centre; an odd pixel too many goes at the right or at the bottom."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Not resize(box=…): that would let what is cut off shine through at the edges.
    return image.crop((left, top, left + side, top + side))
