"""A picture of a digit, made into what MNIST's makers would have made of it.

What is ink is told from the paper's own colour, so dark on light, light on dark and coloured ink are one
case. Edges stay as smooth as they are: ink is measured, and no threshold makes it black or white. The
numbers below were chosen by pictures made of MNIST's test images and compared with the originals.
"""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, BOX = 28, 20  # of MNIST's images, and of the box that a digit fills in them
MIDDLE = 14  # row and column; the centres of mass of all 70,000 lie between 13.5 and 14.5
LARGEST = 800  # pixels of a picture's side; of larger ones, blocks are averaged
BLANK = 0.05  # less contrast than this is no ink
EVEN = 0.004  # median difference along the border, one step of 8 bits, that is no uneven light
NOISE = 5  # standard deviations of the paper that a pixel must differ by to belong to a stroke
FAINT = 0.004  # share of the ink's full strength; less is less than a step of 8 bits
EDGE = 0.3  # strength at which a stroke ends, where blur or JPEG has smeared it
STRONG = 0.5  # strength that makes a stroke, and not a smear
SPECK = 0.04  # share of the largest stroke's area; what is smaller is dirt

# What 999 of 1,000 of MNIST's training images keep: a picture beyond it is none of a digit, or of one
# that no network trained on MNIST has seen the like of.
PIECE = 0.1  # share of the largest stroke's area; a piece that is larger may be another digit
THIN = 0.18  # share of the ink that lies in squares of 2 × 2 pixels, all inked
LEAST_INK, MOST_INK = 0.03, 0.4  # mean of all pixels; beyond it are 10 of MNIST's 60,000


@dataclass(frozen=True)
class DigitPicture:
    """A digit read from a picture, and what is unusual about it.

    Attributes
    ----------
    pixels : ndarray of float32, shape (28, 28)
        As MNIST has them.
    n_pieces : int
        Separate pieces of ink, without dirt; nearly all of MNIST's digits are of one piece.
    """

    pixels: np.ndarray
    n_pieces: int

    def hints(self) -> list[str]:
        """What makes a right answer unlikely, in words; empty for a digit such as MNIST has."""
        found = []
        ink = float(self.pixels.mean())
        if not LEAST_INK <= ink <= MOST_INK:
            amount = "little" if ink < LEAST_INK else "much"
            found.append(f"there is too {amount} ink for a digit; perhaps it is something else")
        if self.n_pieces > 1:
            found.append(
                f"the ink falls into {self.n_pieces} separate pieces; one digit on each picture, "
                "written without gaps, is read best"
            )
        across = np.minimum(self.pixels[1:], self.pixels[:-1])
        squares = np.minimum(across[:, 1:], across[:, :-1])
        if squares.sum() < THIN * self.pixels.sum():
            found.append("the strokes are thinner than those the network knows; use a thicker pen")
        return found


def require_pillow() -> None:
    """Say what to install if there is no Pillow."""
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "images need Pillow: python -m pip install pillow (or fastmlp's extra 'plot')"
        ) from error


def digit_from_image(
    image: Union[str, os.PathLike, "Image", np.ndarray], *, flatten: bool = True
) -> np.ndarray:
    """Turn a picture of one handwritten digit into a sample such as MNIST has.

    The colour of the paper is that of the picture's border; ink is what differs from it, darker or
    lighter. The digit is cropped, scaled so that its longer side is 20 pixels, and placed in 28 × 28
    pixels with its centre of mass in the middle.

    Parameters
    ----------
    image : path, PIL.Image.Image, or ndarray of shape (height, width[, 1, 2, 3 or 4])
        A file of any format that Pillow reads, turned as its EXIF data says; or pixels: grey, grey
        and alpha, RGB or RGBA, as integers or as floats, in [0, 1], [0, 255] or [0, 65535]
        (unsigned integers: from 0 to the largest of their type).
    flatten : bool, default=True
        784 values in a row; otherwise 28 rows of 28.

    Returns
    -------
    digit : ndarray of float32, shape (784,) or (28, 28)
        In [0, 1]; 0 is paper, 1 is ink.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        This is no picture, or a damaged one, or there is no ink on it; the message names the file.
    ImportError
        Pillow is missing.

    Notes
    -----
    The procedure is the one of MNIST's authors, Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST
    database of handwritten digits*: digits are fitted into a box of 20 × 20 pixels, keeping their
    aspect, with grey levels from anti-aliasing, and are shifted by whole pixels so that the centre
    of mass is the centre of a field of 28 × 28. In their files that centre is row and column 14,
    counted from 0.

    Examples
    --------
    >>> import numpy as np
    >>> paper = np.full((90, 60), 255, np.uint8)
    >>> paper[20:70, 25:30] = 0  # a one: 50 pixels high, 5 wide
    >>> digit = digit_from_image(paper, flatten=False)
    >>> digit.shape, int(digit.any(axis=1).sum()), int(digit.any(axis=0).sum())
    ((28, 28), 20, 2)
    """
    digit = read_digit(image).pixels
    return digit.ravel() if flatten else digit


def read_digit(image: Union[str, os.PathLike, "Image", np.ndarray]) -> DigitPicture:
    """Read a picture as `digit_from_image` does, and keep what is unusual about it."""
    require_pillow()
    from PIL.Image import Image

    name = "the image"
    if isinstance(image, str | os.PathLike):
        name = os.fspath(image)
        pixels = _read(name)
    elif isinstance(image, Image):
        pixels = _pixels(image)
    else:
        pixels = np.asarray(image)
    ink = _ink(_colours(pixels, name), name)
    strokes, n_pieces = _crop(ink, name)
    return DigitPicture(_centre(_fit(strokes)), n_pieces)


def _read(file):
    """The pixels of an image file."""
    from PIL import Image, UnidentifiedImageError

    # Pillow's decoders raise these for damaged files and for other things than images.
    damage = (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError)
    with open(file, "rb") as stream:
        try:
            with Image.open(stream) as image:
                return _pixels(image)
        except UnidentifiedImageError as error:
            raise ValueError(f"{file} is not an image of a format that Pillow reads") from error
        except (*damage, OverflowError, Image.DecompressionBombError) as error:
            raise ValueError(f"{file} is not a valid image file: {error}") from error


def _pixels(image):
    """A PIL image as an array, the right way up."""
    from PIL import ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # grey of 16 bits and more
        return np.asarray(image)
    if image.has_transparency_data:
        return np.asarray(image.convert("RGBA"))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def _colours(pixels, name):
    """Pixels as floats in [0, 1] of shape (height, width, colours), on paper where transparent."""
    if pixels.dtype.kind not in "buif" or pixels.size == 0 or pixels.ndim not in (2, 3):
        raise ValueError(
            f"{name} is not a picture: an array of {pixels.dtype} of shape {pixels.shape}"
        )
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] > 4:
        raise ValueError(f"{name} has {pixels.shape[2]} colours; a picture has 1 to 4")
    if not np.isfinite(pixels).all():
        raise ValueError(f"{name} has values that are NaN or infinite")
    colours = _reduce(pixels) / _full_scale(pixels)
    if colours.shape[2] in (1, 3):
        return colours
    colours, alpha = colours[:, :, :-1], colours[:, :, -1:]
    on_white = colours * alpha + (1 - alpha)
    # White ink on nothing is seen on black only.
    return on_white if np.ptp(on_white) > BLANK else colours * alpha


def _full_scale(pixels):
    """The value that stands for full light."""
    if pixels.dtype.kind == "u":
        return np.iinfo(pixels.dtype).max
    largest = float(pixels.max())
    return next((full for full in (1, 255, 65535) if largest <= full), largest)


def _reduce(pixels):
    """Averages of square blocks, so that a camera's picture costs no more than a scanned one."""
    block = -(-max(pixels.shape[:2]) // LARGEST)
    height, width = (max(1, length // block) for length in pixels.shape[:2])
    if block == 1 or min(pixels.shape[:2]) < block:
        return pixels.astype(np.float64)
    whole = pixels[: height * block, : width * block]
    return whole.reshape(height, block, width, block, -1).mean(axis=(1, 3), dtype=np.float64)


def _border(values):
    """The outermost pixels of an array, in a row."""
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])


def _ink(colours, name):
    """How far each pixel is from the paper's colour towards the ink's; 1 is ink, paper is about 0."""
    difference = colours - _paper(colours)
    distance = np.sqrt((difference**2).mean(axis=2))
    # The weaker one of two neighbours: a dead pixel is not the strongest ink.
    pairs = (np.minimum(d[1:], d[:-1]) for d in (distance, distance.T))
    strongest = max(weaker.max(initial=0.0) for weaker in pairs)
    if strongest < BLANK:
        raise ValueError(f"{name} is blank: there is no ink on it")
    ink = np.median(difference[distance >= STRONG * strongest], axis=0)
    return difference @ (ink / max(ink @ ink, BLANK**2))


def _paper(colours):
    """The paper's colour: one for all pixels or, in uneven light, a plane over rows and columns."""
    border = _border(colours)
    even = np.median(border, axis=0)
    unexplained = np.median(np.abs(border - even))
    if unexplained < EVEN:
        return even
    height, width = colours.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    places = np.stack([np.ones((height, width)), rows, columns], axis=2)
    places_there = _border(places)
    plane = np.zeros((3, len(even)))
    plane[0] = even
    for _ in range(15):  # towards least absolute deviations: a digit may touch the border
        weight = 1 / np.maximum(np.abs(border - places_there @ plane).mean(axis=1), 1e-3)
        weighted = places_there.T * weight
        plane = np.linalg.lstsq(weighted @ places_there, weighted @ border, rcond=None)[0]
    left = np.median(np.abs(border - places_there @ plane))
    # Only where it explains the most of the border: a stroke along one side must not tilt it.
    return places @ plane if left < unexplained / 2 else even


def _crop(ink, name):
    """The part of the picture that holds the strokes and nothing else, and how many pieces there are."""
    from scipy.ndimage import label  # slow to import, and not for those who load MNIST only

    noise = 1.4826 * np.median(np.abs(_border(ink)))  # robust: a digit may touch the border
    ink = np.where(ink > max(NOISE * noise, FAINT), ink, 0.0)
    strokes, n_strokes = label(ink, np.ones((3, 3)))
    areas = np.bincount(strokes[ink >= STRONG], minlength=n_strokes + 1)
    if not areas.any():
        raise ValueError(f"{name} has no ink that stands out from its paper")
    kept = areas >= max(1, SPECK * areas.max())
    ink = np.where(kept[strokes], ink, 0.0)
    part = _rectangle(ink > 0)
    if max(ink[part].shape) != BOX:  # else it is a digit of MNIST's size as it is
        part = _rectangle(ink > EDGE)
    return ink[part], int((areas >= PIECE * areas.max()).sum())


def _rectangle(mask):
    """The smallest one around what is true."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _fit(ink):
    """The strokes, scaled so that the longer side is that of the box, and as strong as MNIST's."""
    from PIL import Image

    height, width = ink.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size != (width, height):
        picture = Image.fromarray(ink.astype(np.float32))
        ink = np.asarray(picture.resize(size, Image.Resampling.BICUBIC))  # with anti-aliasing
    # Not the very strongest pixel, which noise makes stronger than ink is.
    full = np.percentile(ink[ink >= STRONG * ink.max()], 90)
    return np.clip(ink / full, 0.0, 1.0)


def _centre(box):
    """The box in MNIST's field, the centre of mass as near to the middle as whole pixels allow."""
    digit = np.zeros((SIDE, SIDE), np.float32)
    corner = []
    for axis, length in enumerate(box.shape):
        weight = box.sum(
            axis=1 - axis, dtype=np.float64
        )  # the middle of a symmetric digit is exact
        centre = (weight @ np.arange(length)) / weight.sum()
        corner.append(min(max(0, round(MIDDLE - centre)), SIDE - length))
    top, left = corner
    digit[top : top + box.shape[0], left : left + box.shape[1]] = box
    return digit
