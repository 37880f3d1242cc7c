"""The loaders: every place, in order; every kind of file; and no wrong data, ever."""

import gzip
import hashlib
import http.server
import ssl
import struct
import sys
import threading
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from fastmlp.datasets import mnist as datasets
from fastmlp.datasets.download import Progress
from fastmlp.datasets.mnist import FASHION_MNIST, IDX_FILES, MNIST, load_fashion_mnist, load_mnist

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(autouse=True)
def nothing_lies_around(monkeypatch, tmp_path):
    """Take the machine's own copies out of sight, all but the checkout's."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr(Path, "home", lambda: home)
    for name in ("FASTMLP_DATA", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "cache"))


@pytest.fixture
def no_checkout(monkeypatch, tmp_path):
    """Pretend that the package is installed away from its repository, on a bare system."""
    monkeypatch.setattr(
        datasets, "__file__", str(tmp_path / "site-packages/fastmlp/datasets/mnist.py")
    )
    fashion = datasets.FASHION_MNIST._replace(system_folders=())
    monkeypatch.setattr(datasets, "FASHION_MNIST", fashion)


@pytest.fixture(scope="session")
def raw():
    with np.load(DATA / "mnist.npz") as archive:
        return [archive[name] for name in datasets.ARRAYS]


@pytest.fixture(scope="session")
def tiny():
    """Two datasets of a few images that play MNIST's and Fashion-MNIST's part."""
    rng = np.random.default_rng(0)
    sets = []
    for _ in range(2):
        arrays = []
        for n in (5, 3):
            arrays.append(rng.integers(256, size=(n, 28, 28), dtype=np.uint8))
            arrays.append(rng.integers(10, size=n, dtype=np.uint8))
        sets.append(arrays)
    return sets


@pytest.fixture
def play(monkeypatch, tiny):
    """Make the loaders look for the tiny datasets, so that a test may write many copies."""
    for name, dataset, arrays in zip(
        ("MNIST", "FASHION_MNIST"), (datasets.MNIST, datasets.FASHION_MNIST), tiny, strict=True
    ):
        hashes = tuple(hashlib.sha256(a.tobytes()).hexdigest() for a in arrays)
        monkeypatch.setattr(datasets, name, dataset._replace(sha256=hashes, system_folders=()))
    monkeypatch.setattr(datasets, "SHAPES", tuple(a.shape for a in tiny[0]))


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_idx(folder, arrays, gzipped=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(IDX_FILES, arrays, strict=True):
        if gzipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), 1))
        else:
            (folder / name).write_bytes(idx(array))
    return folder


def write_npz(file, arrays):
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **dict(zip(datasets.ARRAYS, arrays, strict=True)))
    return file


def same(loaded, arrays):
    found = [a for split in loaded for a in split]
    return all(np.array_equal(a, b) for a, b in zip(found, arrays, strict=True))


@pytest.mark.slow
def test_the_checkouts_mnist_as_the_network_wants_it(raw):
    (X_train, y_train), (X_test, y_test) = load_mnist(download=False)
    for X, y, images, labels in ((X_train, y_train, *raw[:2]), (X_test, y_test, *raw[2:])):
        assert X.shape == (len(images), 784)
        assert X.dtype == np.float32
        assert X.flags.c_contiguous
        assert X.min() == 0
        assert X.max() == 1
        np.testing.assert_array_equal(X, images.reshape(-1, 784).astype("float32") / 255)
        np.testing.assert_array_equal(y, labels)


@pytest.mark.slow
def test_raw_bytes_have_the_published_hashes():
    (X_train, y_train), (X_test, y_test) = load_mnist(dtype="uint8", flatten=False)
    assert X_train.shape == (60000, 28, 28)
    assert X_test.shape == (10000, 28, 28)
    digests = [hashlib.sha256(a).hexdigest() for a in (X_train, y_train, X_test, y_test)]
    assert digests == [
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ]
    text = (DATA / "README.md").read_text()
    assert all(digest in text for digest in digests)
    assert hashlib.sha256((DATA / "mnist.npz").read_bytes()).hexdigest() in text


@pytest.mark.slow
@pytest.mark.parametrize("gzipped", [False, True])
def test_real_idx_files(raw, tmp_path, gzipped):
    folder = write_idx(tmp_path / "idx", raw, gzipped)
    assert same(load_mnist(folder, flatten=False, dtype="uint8", download=False), raw)


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4"])
def test_other_floating_types(tiny, play, tmp_path, dtype):
    (X_train, _), _ = load_mnist(write_npz(tmp_path / "m.npz", tiny[0]), dtype=dtype)
    assert X_train.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(X_train, tiny[0][0].reshape(5, 784).astype(dtype) / 255)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_dtypes_that_make_no_sense_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype must be a floating type or 'uint8'"):
        load_mnist(dtype=dtype)


PLACES = [
    ("$FASTMLP_DATA", "variable", None),
    ("the checkout's data", "checkout/data", None),
    ("Keras's cache", "home/.keras/datasets", None),
    ("torchvision's folder", "home/data", "{torch}/raw"),
    ("fastmlp's cache", "home/cache/fastmlp", None),
]


@pytest.mark.parametrize("load", [load_mnist, load_fashion_mnist])
def test_places_are_tried_in_order(load, tiny, play, no_checkout, monkeypatch, tmp_path):
    """With a copy in every place the first is taken; without that one the next; at last none."""
    dataset, arrays = (
        (datasets.MNIST, tiny[0]) if load is load_mnist else (datasets.FASHION_MNIST, tiny[1])
    )
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "checkout/fastmlp/datasets").mkdir(parents=True)
    (tmp_path / "checkout/pyproject.toml").touch()
    (tmp_path / "checkout/fastmlp/datasets/mnist.py").touch()
    monkeypatch.setattr(datasets, "__file__", str(tmp_path / "checkout/fastmlp/datasets/mnist.py"))
    monkeypatch.setenv("FASTMLP_DATA", str(tmp_path / "variable"))
    read = []
    for reader in ("read_npz", "read_idx"):
        original = getattr(datasets, reader)
        monkeypatch.setattr(
            datasets, reader, lambda file, *a, f=original: read.append(file) or f(file, *a)
        )
    copies = []
    for _, place, inner in PLACES:
        if inner:
            copies.append(
                write_idx(tmp_path / place / inner.format(torch=dataset.torch_folder), arrays)
            )
        else:
            copies.append(write_npz(tmp_path / place / f"{dataset.name}.npz", arrays))
    for copy in copies:
        read.clear()
        assert same(load(flatten=False, dtype="uint8", download=False), arrays)
        assert all(copy == file or copy == file.parent for file in read), (copy, read)
        for file in [copy] if copy.is_file() else list(copy.iterdir()):
            file.unlink()
    with pytest.raises(FileNotFoundError, match="was not found") as error:
        load(download=False)
    message = str(error.value)
    positions = [message.index(label) for label, _, _ in PLACES]
    assert positions == sorted(positions)
    assert message.index("the network: not asked") > positions[-1]


@pytest.mark.parametrize("place", ["missing.npz", "missing/mnist.npz", "."])
def test_a_given_path_without_the_files_is_an_error(place, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"MNIST is not at .*: there is no such file, nor a"
    ):
        load_mnist(tmp_path / place)


def test_keras_fashion_folder_and_the_systems_package(
    tiny, play, no_checkout, monkeypatch, tmp_path
):
    keras = write_idx(Path.home() / ".keras/datasets/fashion-mnist", tiny[1], gzipped=True)
    assert same(load_fashion_mnist(flatten=False, dtype="uint8", download=False), tiny[1])
    keras.rename(tmp_path / "debian")
    monkeypatch.setattr(
        datasets,
        "FASHION_MNIST",
        datasets.FASHION_MNIST._replace(system_folders=(str(tmp_path / "debian"),)),
    )
    assert same(load_fashion_mnist(flatten=False, dtype="uint8", download=False), tiny[1])


def test_debians_package_is_looked_for():
    assert FASHION_MNIST.system_folders == ("/usr/share/datasets/fashion-mnist",)


@pytest.mark.parametrize("form", ["npz", "named npz", "idx"])
def test_one_is_never_taken_for_the_other(tiny, play, tmp_path, form):
    for load, wrong, title in (
        (load_mnist, tiny[1], "Fashion-MNIST's, not MNIST's"),
        (load_fashion_mnist, tiny[0], "MNIST's, not Fashion-MNIST's"),
    ):
        name = "mnist" if load is load_mnist else "fashion-mnist"
        folder = tmp_path / name
        if form == "idx":
            path = write_idx(folder, wrong)
        else:
            path = write_npz(folder / f"{name}.npz", wrong)
        with pytest.raises(ValueError, match=title) as error:
            load(folder if form == "named npz" else path, download=False)
        assert str(path) in str(error.value)


def test_a_mixture_of_the_two_is_refused(tiny, play, tmp_path):
    mixture = [*tiny[0][:3], tiny[1][3]]
    with pytest.raises(ValueError, match="y_test, is Fashion-MNIST's"):
        load_mnist(write_npz(tmp_path / "m.npz", mixture))
    with pytest.raises(ValueError, match="t10k-labels-idx1-ubyte is Fashion-MNIST's"):
        load_mnist(write_idx(tmp_path / "idx", mixture))


def damage_value(content):
    return content[:-1] + bytes([content[-1] ^ 1])


def truncate(content):
    return content[: len(content) // 2]


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize(
    "harm", [truncate, lambda c: b"", lambda c: c[:3], lambda c: c[:9], lambda c: b"no" + c]
)
@pytest.mark.parametrize("k", range(4))
def test_a_harmed_idx_file_is_named(tiny, play, tmp_path, k, harm, gzipped):
    folder = write_idx(tmp_path / "idx", tiny[0], gzipped)
    file = folder / (IDX_FILES[k] + (".gz" if gzipped else ""))
    file.write_bytes(harm(file.read_bytes()))
    with pytest.raises(ValueError, match=r"IDX|truncated|cannot be read") as error:
        load_mnist(folder)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("k", range(4))
def test_one_wrong_bit_is_seen(tiny, play, tmp_path, k):
    folder = write_idx(tmp_path / "idx", tiny[0])
    file = folder / IDX_FILES[k]
    file.write_bytes(damage_value(file.read_bytes()))
    with pytest.raises(ValueError, match="sha256") as error:
        load_mnist(folder)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    "harm", [truncate, lambda c: c[:-30], lambda c: b"", lambda c: b"PK" + bytes(100)]
)
def test_a_harmed_npz_is_named(tiny, play, tmp_path, harm):
    file = write_npz(tmp_path / "m.npz", tiny[0])
    file.write_bytes(harm(file.read_bytes()))
    with pytest.raises(ValueError, match="not a valid") as error:
        load_mnist(file)
    assert str(file) in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["npz", "idx", "idx.gz"])
@pytest.mark.parametrize("harm", ["cut", "a wrong bit"])
def test_harm_anywhere_is_seen(tiny, play, tmp_path, form, harm):
    """Wherever a file is cut or changed: an error that names it, or (a date, say) nothing at all."""
    if form == "npz":
        place = file = write_npz(tmp_path / "m.npz", tiny[0])
    else:
        place = write_idx(tmp_path / "idx", tiny[0], gzipped=form == "idx.gz")
        file = place / (IDX_FILES[0] + form[len("idx") :])
    content, expected = file.read_bytes(), [a for split in load_mnist(place) for a in split]
    named = 0
    for k in {*range(64), *range(64, len(content), 37), *range(len(content) - 64, len(content))}:
        harmed = bytearray(content[:k] if harm == "cut" else content)
        if harm == "a wrong bit":
            harmed[k] ^= 1 << k % 8
        file.write_bytes(harmed)
        message = None
        try:
            loaded = load_mnist(place)
        except ValueError as error:
            message = str(error)
        if message is None:
            assert harm != "cut"
            assert same(loaded, expected)
        else:
            assert str(file) in message
            named += 1
    assert named > 100


def test_a_truncated_file_in_an_automatic_place_is_named_too(tiny, play, no_checkout):
    file = write_npz(Path.home() / ".keras/datasets/mnist.npz", tiny[0])
    file.write_bytes(truncate(file.read_bytes()))
    with pytest.raises(ValueError, match="not a valid") as error:
        load_mnist(download=False)
    assert str(file) in str(error.value)


def test_other_npz_files_are_refused(tiny, play, tmp_path):
    file = tmp_path / "other.npz"
    np.savez(file, images=tiny[0][0])
    with pytest.raises(ValueError, match=r"other\.npz holds no array .*x_train"):
        load_mnist(file)
    np.savez(file, **dict.fromkeys(datasets.ARRAYS, np.array([{}], dtype=object)))
    with pytest.raises(ValueError, match=r"other\.npz is not a valid"):
        load_mnist(file)
    write_npz(file, [a.astype("int64") for a in tiny[0]])
    with pytest.raises(ValueError, match=r"other\.npz, x_train, is not MNIST's: int64"):
        load_mnist(file)


def test_a_part_of_the_four_files_is_not_the_set(tiny, play, no_checkout, tmp_path):
    folder = write_idx(tmp_path / "idx", tiny[0])
    (folder / IDX_FILES[2]).unlink()
    with pytest.raises(FileNotFoundError, match=str(folder)):
        load_mnist(folder, download=False)


class FakePooch:
    """Stands for the network: serves files by their address, refuses all others."""

    def __init__(self, files):
        self.files, self.asked = files, []

    def retrieve(self, url, known_hash, fname, path):
        self.asked.append((url, known_hash))
        if url not in self.files:
            raise OSError("no route to host")
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / fname).write_bytes(self.files[url])


def test_the_network_comes_last_and_is_kept(tiny, play, no_checkout, monkeypatch, tmp_path):
    content = write_npz(tmp_path / "served.npz", tiny[0]).read_bytes()
    network = FakePooch({datasets.KERAS + "mnist.npz": content})
    monkeypatch.setitem(sys.modules, "pooch", network)
    for _ in range(2):
        assert same(load_mnist(flatten=False, dtype="uint8"), tiny[0])
    # Once only: the second load found the first one's copy.
    sha256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    assert network.asked == [(datasets.KERAS + "mnist.npz", f"sha256:{sha256}")]


@pytest.mark.parametrize("load", [load_mnist, load_fashion_mnist])
def test_the_mirror_when_the_first_address_fails(load, tiny, play, no_checkout, monkeypatch):
    dataset, arrays = (MNIST, tiny[0]) if load is load_mnist else (FASHION_MNIST, tiny[1])
    mirror = dataset.sources[1].address
    network = FakePooch(
        {
            f"{mirror}{name}.gz": gzip.compress(idx(array), 1)
            for name, array in zip(IDX_FILES, arrays, strict=True)
        }
    )
    monkeypatch.setitem(sys.modules, "pooch", network)
    assert same(load(flatten=False, dtype="uint8"), arrays)
    assert network.asked[0][0].startswith(datasets.KERAS)
    assert len(network.asked) == 5


def test_a_network_that_fails_is_in_the_list(play, no_checkout, monkeypatch):
    network = FakePooch({})
    monkeypatch.setitem(sys.modules, "pooch", network)
    with pytest.raises(FileNotFoundError, match="no route to host") as error:
        load_mnist()
    for source in MNIST.sources:
        assert source.address in str(error.value)
    assert "FASTMLP_DATA" in str(error.value)


class Server:
    """A server on this machine: serves files by their path, and can break off in the middle."""

    def __init__(self, files):
        self.files, self.asked = files, []
        self.cut = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                content = outer.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if outer.cut else content)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(tiny, play, no_checkout, monkeypatch, tmp_path):
    """The tiny MNIST on a server, as Keras's file and as the four others, and no pooch."""
    monkeypatch.setitem(sys.modules, "pooch", None)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    npz = write_npz(tmp_path / "served.npz", tiny[0]).read_bytes()
    files = {"/keras/mnist.npz": npz} | {
        f"/mirror/{name}.gz": gzip.compress(idx(array), 1)
        for name, array in zip(IDX_FILES, tiny[0], strict=True)
    }
    server = Server(files)
    sources = [
        datasets.Source(
            f"{server.address}{place}/",
            {
                path.rpartition("/")[2]: "sha256:" + hashlib.sha256(content).hexdigest()
                for path, content in files.items()
                if path.startswith(f"/{place}/")
            },
        )
        for place in ("keras", "mirror")
    ]
    monkeypatch.setattr(datasets, "MNIST", datasets.MNIST._replace(sources=tuple(sources)))
    yield server
    server.close()


def in_the_cache():
    return sorted(file.name for file in (Path.home() / "cache").rglob("*") if file.is_file())


def test_the_standard_library_downloads_where_pooch_is_missing(server, tiny, capsys):
    for _ in range(2):
        assert same(load_mnist(flatten=False, dtype="uint8"), tiny[0])
    assert server.asked == ["/keras/mnist.npz"]
    assert in_the_cache() == ["mnist.npz"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Downloading mnist.npz (0.0 MB)\n")


def test_the_standard_library_takes_the_mirror(server, tiny):
    del server.files["/keras/mnist.npz"]
    assert same(load_mnist(flatten=False, dtype="uint8"), tiny[0])
    assert len(server.asked) == 5
    assert in_the_cache() == sorted(f"{name}.gz" for name in IDX_FILES)


@pytest.mark.parametrize("harm", ["cut", "a wrong bit"])
def test_a_harmed_download_leaves_nothing(server, harm):
    """No file of that name and no half of one: the next call starts anew."""
    server.cut = harm == "cut"
    if harm == "a wrong bit":
        server.files = {path: damage_value(content) for path, content in server.files.items()}
    with pytest.raises(FileNotFoundError, match="sha256 of the download is") as error:
        load_mnist()
    assert server.address + "mirror/" in str(error.value)
    assert in_the_cache() == []


def test_a_server_that_is_not_there_is_in_the_list(server):
    server.close()
    with pytest.raises(FileNotFoundError, match="refused"):
        load_mnist()


def test_without_certificates_the_list_says_what_brings_some(server, monkeypatch):
    def refuse(*args, **kwargs):
        raise URLError(
            ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] no issuer")
        )

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(FileNotFoundError, match=r"pip install 'fastmlp\[data\]'"):
        load_mnist()


def test_progress_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = Progress("mnist.npz", 2_000_000)
    for _ in range(4):
        progress.advance(500_000)
    progress.close()
    text = capsys.readouterr().err
    assert text.startswith("Downloading mnist.npz (2.0 MB)\rDownloading mnist.npz: 25%\r")
    assert text.endswith("mnist.npz: 100%\n")
