"""Pictures of digits: made of MNIST's test images in many ways, they are read as those are."""

import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageDraw

from fastmlp import MLPClassifier
from fastmlp.cli import main
from fastmlp.cli.predict import doubt
from fastmlp.datasets import digit_from_image, load_mnist
from fastmlp.datasets.digit_images import read_digit
from fastmlp.plots.numbers import percent

N = 100
INK, PAPER, ORIENTATION = 0, 255, 0x0112


@pytest.fixture(scope="module")
def mnist():
    return load_mnist()


@pytest.fixture(scope="module")
def model(mnist):
    (X, y), _ = mnist
    return MLPClassifier(max_iter=2, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def originals(mnist):
    return mnist[1][0][:N]


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "model.joblib"
    joblib.dump(model, file)
    return file


def drawn(original, side=28):
    """A sample as a picture, black on white."""
    pixels = np.uint8(255 - np.round(original.reshape(28, 28) * 255))
    return Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)


def placed(picture, left, top, width, height):
    """A picture somewhere on a larger sheet; outside of it, it is cut off."""
    sheet = Image.new("L", (width, height), PAPER)
    sheet.paste(picture, (left, top))
    return sheet


def coloured(picture, ink, paper):
    share = np.asarray(picture)[:, :, None] / 255
    return Image.fromarray(np.uint8(np.round(share * paper + (1 - share) * ink)))


def inverted(picture):
    return picture.point(lambda value: 255 - value)


def noisy(picture, sd, seed):
    noise = np.random.default_rng(seed).normal(0, sd, picture.size[::-1])
    return Image.fromarray(np.uint8(np.clip(np.asarray(picture) * 0.85 + 20 + noise, 0, 255)))


def in_uneven_light(picture, darkest):
    light = np.linspace(1, darkest, picture.width) * np.linspace(1, 0.9, picture.height)[:, None]
    return Image.fromarray(np.uint8(np.asarray(picture) * light))


def tight(picture):
    return picture.crop(inverted(picture).getbbox())


def sixteen_bits(picture):
    return Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)


def on_nothing(picture):
    """Black ink on a transparent ground whose colour nobody sees."""
    grey = np.asarray(picture)
    return Image.fromarray(np.dstack([np.zeros_like(grey)] * 3 + [255 - grey]))


# What is made of the k-th sample; the suffix of the file; the share of equal predictions asked for,
# a little below what was measured (0.99 to 1 of these).
PICTURES = {
    "28": (lambda x, k: drawn(x), "png", 1.0),
    "28, inverted": (lambda x, k: inverted(drawn(x)), "png", 1.0),
    "any size": (lambda x, k: drawn(x, (35, 56, 100, 200, 400)[k % 5]), "png", 0.98),
    "any size, inverted": (
        lambda x, k: inverted(drawn(x, (35, 56, 100, 200, 400)[k % 5])), "png", 0.98),
    "off-centre": (lambda x, k: placed(drawn(x, 84), 3 * (k % 70), 40, 300, 150), "png", 0.98),
    "uneven margins": (lambda x, k: placed(drawn(x, 100), -8, 3, 100 + k, 250), "png", 0.98),
    "no margins": (lambda x, k: tight(drawn(x, 112)), "png", 0.98),
    "JPEG": (lambda x, k: placed(drawn(x, 100), 10, 30, 160, 140), "jpg", 0.98),
    "blue on yellow": (lambda x, k: coloured(drawn(x, 90), (20, 40, 160), (250, 245, 200)), "png", 0.98),
    "yellow on grey": (lambda x, k: coloured(drawn(x, 90), (240, 230, 60), (90, 90, 90)), "bmp", 0.98),
    "pencil": (lambda x, k: coloured(drawn(x, 90), (170, 170, 175), (240, 240, 238)), "png", 0.98),
    "noisy paper": (lambda x, k: noisy(placed(drawn(x, 90), 20, 10, 160, 120), 8, k), "png", 0.98),
    "uneven light": (
        lambda x, k: in_uneven_light(placed(drawn(x, 90), 20, 10, 160, 120), 0.6), "jpg", 0.98),
    "16 bits": (lambda x, k: sixteen_bits(drawn(x, 90)), "png", 0.98),
    "transparent": (lambda x, k: on_nothing(drawn(x, 90)), "png", 0.98),
    "palette": (lambda x, k: drawn(x, 90).convert("P"), "gif", 0.98),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_are_read_as_the_originals_are(kind, model, originals, tmp_path):
    make, suffix, least = PICTURES[kind]
    file = tmp_path / f"digit.{suffix}"
    digits = np.empty_like(originals)
    for k, original in enumerate(originals):
        make(original, k).save(file)
        digits[k] = digit_from_image(file)
    agreement = np.mean(model.predict(digits) == model.predict(originals))
    print(f"{kind}: {agreement:.3f}, mean difference {np.abs(digits - originals).mean():.4f}")
    assert agreement >= least


@pytest.mark.slow
def test_of_mnists_size_it_is_the_original(originals):
    """Box, centre and strength are MNIST's own: nothing moves."""
    digits = np.array([digit_from_image(drawn(x)) for x in originals])
    assert_allclose(digits, originals, rtol=0, atol=0.06)  # strength; a shift would make it 1
    assert np.abs(digits - originals).mean() < 0.001


@pytest.mark.slow
def test_a_larger_picture_is_close_to_the_original(originals):
    digits = np.array([digit_from_image(drawn(x, 200)) for x in originals])
    assert np.abs(digits - originals).mean() < 0.03
    alike = [np.corrcoef(pair)[0, 1] for pair in zip(digits, originals, strict=True)]
    assert np.median(alike) > 0.97


def bar(height=50, width=10):
    """A one on a white sheet, as an array."""
    sheet = np.full((100, 80), 255, np.uint8)
    sheet[20 : 20 + height, 30 : 30 + width] = 0
    return sheet


def test_scale_aspect_and_centre():
    digit = digit_from_image(bar(50, 10), flatten=False)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.float32
    expected = np.zeros((28, 28))
    expected[4:24, 12:16] = 1  # rows 4 to 23: centre 13.5, which is rounded as MNIST's are
    shifted = [np.roll(expected, (d, e), (0, 1)) for d in (0, 1) for e in (0, 1)]
    assert any(np.allclose(digit, s, atol=0.02) for s in shifted)
    assert_array_equal(digit_from_image(bar(50, 10)), digit.ravel())
    wide = digit_from_image(bar(10, 40), flatten=False)
    assert (int(wide.any(axis=1).sum()), int(wide.any(axis=0).sum())) == (5, 20)


def test_the_centre_of_mass_is_where_mnists_is(originals):
    digits = [digit_from_image(drawn(x, 150), flatten=False) for x in originals]
    for image in [*digits, *originals.reshape(-1, 28, 28)]:
        rows = image.sum(axis=1) @ np.arange(28) / image.sum()
        columns = image.sum(axis=0) @ np.arange(28) / image.sum()
        assert abs(rows - 14) < 0.51
        assert abs(columns - 14) < 0.51


@pytest.mark.parametrize("form", [
    lambda a: a.astype(np.float64), lambda a: a / 255, lambda a: a.astype(np.int64),
    lambda a: a > 127, lambda a: a[:, :, None], lambda a: np.dstack([a] * 3), lambda a: 255 - a,
    lambda a: np.dstack([a, np.full_like(a, 255)]), lambda a: a.astype(np.uint16) * 257,
    lambda a: np.asfortranarray(a), lambda a: np.repeat(np.repeat(a, 9, 0), 9, 1),
    Image.fromarray, lambda a: Image.fromarray(a).convert("CMYK"),
    lambda a: Image.fromarray(a).convert("1"), lambda a: Image.fromarray(a).convert("I"),
    lambda a: Image.fromarray(a).convert("F"), lambda a: Image.fromarray(a).convert("PA"),
])  # fmt: skip
def test_every_form_of_the_same_pixels_is_the_same_digit(form):
    assert_allclose(digit_from_image(form(bar())), digit_from_image(bar()), rtol=0, atol=0.02)


def test_white_ink_on_nothing():
    grey = np.full_like(bar(), 255)
    picture = np.dstack([grey, 255 - bar()])
    assert_allclose(digit_from_image(picture), digit_from_image(bar()), atol=0.01)


def test_a_picture_lies_as_its_exif_data_says(originals, tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees clockwise
    upright = drawn(originals[0], 112)
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert_array_equal(digit_from_image(tmp_path / "turned.png"), digit_from_image(upright))


def test_dirt_is_no_part_of_the_digit():
    dirty = bar()
    dirty[5, 5] = dirty[90:92, 70:72] = 0
    assert_array_equal(digit_from_image(dirty), digit_from_image(bar()))


BLANK_SHEETS = {
    "even": np.full((50, 40), 200, np.uint8),
    "noise": np.random.default_rng(0).normal(200, 4, (60, 60)).astype(np.uint8),
    "one pixel": np.pad(np.zeros((1, 1), np.uint8), 20, constant_values=255),
    "uneven light": np.add.outer(np.arange(60), np.arange(60)).astype(np.uint8),
    "1 × 1": np.zeros((1, 1), np.uint8),
}


@pytest.mark.parametrize("sheet", BLANK_SHEETS)
def test_a_blank_sheet_is_refused(sheet, tmp_path):
    file = tmp_path / "blank.png"
    Image.fromarray(BLANK_SHEETS[sheet]).save(file)
    with pytest.raises(ValueError, match=r"blank\.png is blank"):
        digit_from_image(file)


@pytest.mark.parametrize("array", [
    np.zeros((0, 5)), np.zeros(784), np.zeros((2, 3, 4, 5)), np.zeros((9, 9, 5)),
    np.full((9, 9), "a"), np.full((9, 9), np.nan), np.full((9, 9), 1j),
])  # fmt: skip
def test_arrays_that_are_no_pictures_are_refused(array):
    with pytest.raises(ValueError, match=r"^the image "):
        digit_from_image(array)


def test_damaged_files_are_refused_by_name(tmp_path):
    noisy(Image.fromarray(bar()), 20, 0).save(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    file = tmp_path / "damaged.png"
    for damaged in (b"", b"a letter", content[:20], content[: len(content) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"damaged\.png is not a(n| valid) image"):
            digit_from_image(file)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        digit_from_image(tmp_path / "nowhere.png")


def test_without_pillow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="extra 'plot'"):
        digit_from_image(bar())


def predict(capsys, *arguments):
    status = main.main(["predict", *map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.mark.slow
def test_the_command_shows_digits_and_probabilities(model, model_file, originals, tmp_path, capsys):
    files = [tmp_path / f"{k}.png" for k in range(3)]
    for file, original in zip(files, originals, strict=False):
        drawn(original).save(file)
    status, out, err = predict(capsys, *files, "--model", model_file)
    assert status == 0
    assert all(": hint: " in line for line in err.splitlines())
    head, *lines = out.splitlines()
    assert head.split() == ["image", "digit", *"0123456789"]
    digits = np.array([digit_from_image(file) for file in files])
    probabilities = model.predict_proba(digits)
    for line, file, digit, row in zip(
        lines, files, model.predict(digits), probabilities, strict=True
    ):
        assert line.split() == [str(file), str(digit), *(percent(p, 1) for p in row)]

    _, out, _ = predict(capsys, files[0], "--model", model_file, "--top", 2)
    second, first = probabilities[0].argsort()[-2:]
    assert out.splitlines()[1].endswith(
        f"{first}  {first} {percent(probabilities[0, first])}, "
        f"{second} {percent(probabilities[0, second])}"
    )


def test_one_bad_picture_does_not_stop_the_others(model_file, originals, tmp_path, capsys):
    drawn(originals[0]).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("a letter")
    names = ("bad.png", "missing.png", "good.png")
    status, out, err = predict(capsys, *(tmp_path / n for n in names), "--model", model_file)
    assert status == 2
    assert "bad.png is not an image" in err
    assert f"there is no file {str(tmp_path / 'missing.png')!r}" in err
    assert "Errno" not in err
    assert "good.png" in out.splitlines()[-1]


def test_models_that_cannot_be_used_are_refused_by_name(model_file, tmp_path, capsys):
    file = tmp_path / "other.joblib"

    def error(content):
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            joblib.dump(content, file)
        status, out, err = predict(capsys, tmp_path / "0.png", "--model", file)
        assert (status, out) == (2, "")
        assert str(file) in err
        return err

    content = model_file.read_bytes()
    for damaged in (b"", b"a letter", content[:100], content[: len(content) // 2]):
        assert "is not a valid model file" in error(damaged)
    assert "no trained classifier" in error({"a": 1})
    assert "that is not trained" in error(MLPClassifier())
    small = MLPClassifier(hidden_layer_sizes=(2,), max_iter=1, batch_size=3)
    assert "3 features" in error(small.fit(np.eye(3), [0, 1, 2]))
    _, _, err = predict(capsys, "0.png", "--model", tmp_path)
    assert "is a folder" in err
    status, _, err = predict(capsys, "0.png", "--model", tmp_path / "nowhere.joblib")
    assert status == 2
    assert f"there is no file {str(tmp_path / 'nowhere.joblib')!r}" in err
    assert "Errno" not in err


# --- hints ------------------------------------------------------------------------------------


def line_drawing(*lines, width=14, side=200):
    """A picture of lines, each a list of points."""
    sheet = Image.new("L", (side, side), PAPER)
    for line in lines:
        ImageDraw.Draw(sheet).line(line, fill=INK, width=width, joint="curve")
    return sheet


SEVEN = [(50, 40), (150, 40), (90, 170)]
NO_DIGITS = {
    "a blot": (Image.new("L", (200, 200), PAPER), "too much ink"),
    "two digits": (
        line_drawing([(40, 30), (40, 170)], [(150, 30), (150, 170)]),
        "2 separate pieces",
    ),
    "a hair": (line_drawing(SEVEN, width=2), "thinner than"),
    "a dash": (line_drawing([(20, 100), (180, 100)], width=4), "too little ink"),
}
NO_DIGITS["a blot"][0].paste(INK, (30, 30, 170, 170))


def test_an_ordinary_digit_has_no_hint(originals):
    assert read_digit(line_drawing(SEVEN)).hints() == []
    hints = [read_digit(drawn(x, 90)).hints() for x in originals]
    assert sum(map(bool, hints)) <= 2  # of 100 digits of MNIST


@pytest.mark.parametrize("kind", NO_DIGITS)
def test_what_is_no_digit_has_its_hint(kind):
    picture, hint = NO_DIGITS[kind]
    assert any(hint in said for said in read_digit(picture).hints())


def test_pieces_are_counted_without_dirt(originals):
    assert read_digit(bar()).n_pieces == 1
    dirty = bar()
    dirty[5, 5] = 0
    assert read_digit(dirty).n_pieces == 1
    assert read_digit(np.hstack([bar(), bar(), bar()])).n_pieces == 3


def test_hints_are_told_beside_the_answer(model_file, tmp_path, capsys):
    files = [tmp_path / f"{name.split()[-1]}.png" for name in NO_DIGITS]
    for file, (picture, _) in zip(files, NO_DIGITS.values(), strict=True):
        picture.save(file)
    status, out, err = predict(capsys, *files, "--model", model_file)
    assert status == 0
    assert len(out.splitlines()) == 1 + len(files)  # a hint is no refusal
    for file, (_, hint) in zip(files, NO_DIGITS.values(), strict=True):
        assert any(line.startswith(f"{file}: hint: ") and hint in line for line in err.splitlines())


def test_a_network_that_is_not_sure_says_so(model, model_file, originals, tmp_path, capsys):
    sure = model.predict_proba(originals).max(axis=1)
    files = [tmp_path / f"{k}.png" for k in (sure.argmin(), sure.argmax())]
    for file in files:
        drawn(originals[int(file.stem)]).save(file)
    for threshold, told in (("0.0001", []), ("0.9999", files[:1])):
        _, _, err = predict(capsys, *files, "--model", model_file, "--sure", threshold)
        unsure = [line for line in err.splitlines() if "the network is not sure" in line]
        assert [line.split(": hint")[0] for line in unsure] == [str(file) for file in told]
    classes = np.arange(10)
    assert doubt(classes, np.array([0.6, 0.3, 0.1] + [0] * 7), 0.7) == [
        "the network is not sure: 0 has 60%, 1 has 30%; perhaps there is no digit"
    ]
    assert doubt(classes, np.array([0.7, 0.3] + [0] * 8), 0.7) == []
