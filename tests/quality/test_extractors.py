"""Extractors by name, the way images enter them, and files of weights."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mammo_synth.errors import BadInput
from mammo_synth.quality.extractors import EXTRACTORS, make_extractor
from mammo_synth.quality.extractors.pixels import Pixels
from mammo_synth.quality.extractors.preparation import IMAGENET, SYMMETRIC, resized
from mammo_synth.quality.extractors.weights import load_state, locate, read_state


def pictures(n: int, side: int) -> Any:
    return np.random.default_rng(side).integers(0, 256, (n, side, side), np.uint8)


def test_resizing_is_antialiased_and_keeps_what_needs_no_resizing() -> None:
    images = pictures(2, 32)
    assert np.array_equal(resized(images, 32), images)
    # A checkerboard is grey from afar; without antialiasing it would fold into black or white.
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    small = resized(board[None].astype(np.uint8), 16)
    assert small.dtype == np.float32
    assert np.abs(small - 127.5).max() < 1
    flat = np.full((1, 50, 50), 200, np.uint8)
    for side in (7, 50, 113):
        assert resized(flat, side) == pytest.approx(200, abs=1e-3)
    step = np.repeat(np.array([0, 255], np.uint8), 8)[None, None].repeat(16, axis=1)
    large = resized(step, 64)  # bicubic overshoots at an edge: what is no grey level is cut
    assert (large.min(), large.max()) == (0, 255)
    # another route to the same filter: Pillow's own 8-bit one, up to rounding
    eight = np.asarray(Image.fromarray(images[0]).resize((11, 11), Image.Resampling.BICUBIC))
    assert np.abs(resized(images, 11)[0] - eight).max() < 2


def test_grey_is_repeated_and_normalised_channel_by_channel() -> None:
    grey = np.full((1, 2, 2), 255, np.float32)
    assert IMAGENET(grey)[0, :, 0, 0] == pytest.approx(
        [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    )
    assert SYMMETRIC(np.array([[[0, 255]]], np.float32)).tolist() == [[[[-1, 1]]] * 3]


def test_pixels_are_the_small_image() -> None:
    images = pictures(3, 32)
    assert np.array_equal(Pixels()(images), images.reshape(3, -1) / np.float32(255))
    assert Pixels()(pictures(2, 70)).shape == (2, Pixels().dimension) == (2, 1024)
    assert Pixels(16).digest != Pixels().digest


def test_names_that_are_not_known_or_do_not_fit_are_one_clear_error() -> None:
    with pytest.raises(BadInput, match="Did you mean 'radiomics'"):
        make_extractor("radiomcs")
    with pytest.raises(BadInput, match=r"Known: .*inception.*keras:NAME"):
        make_extractor("xyz")
    with pytest.raises(BadInput, match="Did you mean 'ResNet50'"):
        make_extractor("keras:Resnet50")
    with pytest.raises(BadInput, match="names no network"):
        make_extractor("hf:")
    with pytest.raises(BadInput, match="has no weights"):
        make_extractor("pixels", weights=Path("w.pth"))
    for name, entry in EXTRACTORS.items():
        if entry.weights:
            with pytest.raises(BadInput, match=f"'{name}' needs its weights"):
                make_extractor(name, device="cpu")
    with pytest.raises(BadInput, match="no device 'tpu'"):
        make_extractor("inception", device="tpu")
    with pytest.raises(BadInput, match="is no file of weights"):
        make_extractor("inception", device="cpu", weights=Path("none.pth"))


def saved(path: Path, state: dict[str, Any]) -> Path:
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def test_states_are_read_from_both_kinds_of_files(tmp_path: Path) -> None:
    state = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}
    for path in (
        saved(tmp_path / "a.pth", state),
        saved(tmp_path / "a.safetensors", state),
        saved(tmp_path / "b.pt", {"state_dict": state, "epoch": 3}),
    ):
        network = torch.nn.Linear(3, 2)
        load_state(network, read_state(path), path, "it")
        assert torch.equal(network.weight, state["weight"])
        assert torch.equal(network.bias, state["bias"])


class Evil:
    def __reduce__(self) -> Any:
        return (print, ("run",))


def test_what_is_no_state_of_the_network_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network, path = torch.nn.Linear(3, 2), tmp_path / "w.pth"
    good = network.state_dict()
    for state, words in (
        ({"weight": good["weight"]}, "lacks 'bias'"),
        (good | {"more": good["bias"]}, "has beside them 'more'"),
        (good | {"bias": torch.ones(3)}, r"'bias' is \(3,\), \(2,\) was expected"),
        ({f"k{i}": good["bias"] for i in range(9)}, "lacks 'bias', 'weight'"),
    ):
        with pytest.raises(BadInput, match=words):
            load_state(network, state, path, "it")
    load_state(network, good | {"bn.num_batches_tracked": torch.tensor(3)}, path, "it")
    for value in (Evil(), [1, 2], {"a": 1}, {}):
        torch.save(value, path)
        with pytest.raises(BadInput, match=r"cannot be read as weights|holds no state dict"):
            read_state(path)
    assert capsys.readouterr().out == ""
    for name in ("w.pth", "w.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(BadInput, match="cannot be read as weights"):
            read_state(tmp_path / name)


def test_the_digits_in_a_name_are_those_of_the_file(tmp_path: Path) -> None:
    data = b"some weights"
    digest = hashlib.sha256(data).hexdigest()
    good, bad = tmp_path / f"net-{digest[:8]}.pth", tmp_path / "net-00000000.pth"
    good.write_bytes(data)
    bad.write_bytes(data)
    found = locate(good, "it", (".pth",), "")
    assert found.described("MIT") == {"origin": good.name, "sha256": digest, "licence": "MIT"}
    with pytest.raises(BadInput, match="its name says 00000000"):
        locate(bad, "it", (".pth",), "")


@pytest.fixture()
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_weights_are_fetched_once_and_checked(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder, address = server
    data = b"some weights"
    digest = hashlib.sha256(data).hexdigest()
    name = f"net-{digest[:8]}.pth"
    (folder / name).write_bytes(data)
    found = locate(f"{address}/{name}", "it", (".pth",), "")
    assert (found.sha256, found.origin) == (digest, f"{address}/{name}")
    (folder / name).unlink()
    assert locate(f"{address}/{name}", "it", (".pth",), "") == found
    (folder / "net-11111111.pth").write_bytes(data)
    for other in ("net-11111111.pth", "net-22222222.pth"):  # other content; not there
        with pytest.raises(BadInput, match=r"could not be fetched .*To do"):
            locate(f"{address}/{other}", "it", (".pth",), "To do")
        assert not (tmp_path / "torch/hub/checkpoints" / other).exists()
    with pytest.raises(BadInput, match="does not end in a file name with the first digits"):
        locate(f"{address}/net.pth", "it", (".pth",), "")
