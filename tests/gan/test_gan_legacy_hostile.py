"""Pickles that try to run code, to exhaust the machine, or are damaged: one clear error each."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mammo_synth.errors import BadInput
from mammo_synth.gan.legacy import read_networks
from mammo_synth.gan.legacy.parts import named_tensors
from mammo_synth.gan.legacy.records import StoredModule, Unreadable
from tests.gan.gan_golden import state
from tests.gan.gan_reference import dump, golden_part, part, snapshot

HOUSE = Path(__file__).resolve().parents[2] / "mammo_synth"


class Call:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments, state) if state is not None else (function, arguments)

    def __reduce__(self):
        return self.parts


def read(data: bytes, folder: Path) -> BadInput:
    """Import ``data``; it must end in one clear error."""
    path = folder / "network.pkl"
    path.write_bytes(data)
    with pytest.raises(BadInput) as caught:
        read_networks(path, ["G_ema"])
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 900
    return caught.value


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def attacks(marker: Path) -> dict[str, bytes]:
    touch = f"open({str(marker)!r}, 'w').close()"
    shell = f"touch {marker}"
    by_stack = b"\x80\x04" + text("os") + text("system") + b"\x93" + text(shell) + b"\x85R."
    loader = b"\x80\x03ctorch.storage\n_load_from_bytes\n"
    inner = pickle.dumps(Call(os.system, shell), protocol=3)
    legacy = io.BytesIO()
    for piece in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        legacy.write(pickle.dumps(piece, protocol=2))
    legacy = legacy.getvalue() + inner
    allowed = b"ccollections\nOrderedDict\n"
    return {
        "system": pickle.dumps(Call(os.system, shell)),
        "subprocess": pickle.dumps(Call(subprocess.check_call, ["touch", str(marker)])),
        "eval": pickle.dumps(Call(eval, touch), protocol=2),
        "exec": pickle.dumps(Call(exec, touch)),
        "getattr": pickle.dumps(Call(getattr, Call(__import__, "os"), "system")),
        "path": pickle.dumps(Call(Path.touch, marker)),
        "in a network": dump(snapshot(None, None, Call(os.system, shell))),
        "stack global": by_stack,
        "dotted global": by_stack.replace(
            text("os") + text("system"), text("collections") + text("OrderedDict.__init__")
        ),
        "inst": f"\x80\x02(S'{shell}'\nios\nsystem\n.".encode(),
        "obj": f"\x80\x02(cos\nsystem\nX{chr(len(shell))}\0\0\0{shell}o.".encode(),
        "ext1": b"\x80\x02\x82\x01.",
        "ext2": b"\x80\x02\x83\x01\x00.",
        "ext4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "persid": b"\x80\x02P" + shell.encode() + b"\n.",
        "binpersid": b"\x80\x02" + text(shell) + b"Q.",
        "newobj": b"\x80\x02csubprocess\nPopen\n" + text(shell) + b"\x85\x81.",
        "newobj_ex": b"\x80\x04csubprocess\nPopen\n" + text(shell) + b"\x85}\x92.",
        "call a string": b"\x80\x03" + text("os.system") + text(shell) + b"\x85R.",
        "call a result": b"\x80\x03" + allowed + b")R" + text(shell) + b"\x85R.",
        "build on a class": b"\x80\x03" + allowed + b"}" + text("__reduce__") + text("x") + b"sb.",
        "build on a value": b"\x80\x03" + allowed + b")R}" + text("__class__") + text("x") + b"sb.",
        "inner pickle": loader + b"B" + struct.pack("<I", len(inner)) + inner + b"\x85R.",
        "inner sequence": loader + b"B" + struct.pack("<I", len(legacy)) + legacy + b"\x85R.",
        "loader of modules": b"\x80\x03ctorch\nload\n" + text(shell) + b"\x85R.",
        "copyreg": b"\x80\x02ccopyreg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR.",
    }


@pytest.mark.parametrize("name", sorted(attacks(Path("/tmp/x"))))
def test_code_in_a_pickle_is_never_run(name, tmp_path):
    marker = tmp_path / "marker"
    data = attacks(marker)[name]
    before = set(sys.modules)
    read(data, tmp_path)
    assert not marker.exists()
    assert not (set(sys.modules) - before) & {"os.system", "torch_utils", "dnnlib"}


def test_these_attacks_do_run_code_in_an_ordinary_reader(tmp_path):
    """Else the test above could not fail."""
    for name in ("system", "subprocess", "eval", "exec", "path", "stack global"):
        marker = tmp_path / name.replace(" ", "-")
        pickle.loads(attacks(marker)[name])
        assert marker.exists(), name


def test_the_source_text_is_not_run_and_foreign_names_are_said(tmp_path):
    names = ("os.system", "posix.system", "nt.system")
    assert any(n in str(read(attacks(tmp_path / "m")["system"], tmp_path)) for n in names)
    odd = b"\x80\x04" + text("evil\n\x1b[31m") + text("x" * 5000) + b"\x93."
    message = str(read(odd, tmp_path))
    assert "evil??[31m" in message and "\x1b" not in message
    assert "Nothing of it was run" in message


def test_a_tensorflow_pickle_is_not_supported_and_says_what_to_do(tmp_path):
    one = b"cdnnlib.tflib.network\nNetwork\n)\x81}b"
    error = read(b"\x80\x03" + one * 3 + b"\x87.", tmp_path)
    assert "not supported" in error.message and "legacy.py" in str(error.hint)
    assert "not supported" in read(pickle.dumps((1, 2, 3)), tmp_path).message


def bombs() -> dict[str, bytes]:
    loader = b"\x80\x03ctorch.storage\n_load_from_bytes\n"
    ones = pickle.dumps(torch.ones(4), protocol=3)
    big = text("x" * 2_000_000)
    encode = b"c_codecs\nencode\n"
    return {
        "empty": b"",
        "one byte": b"\x80",
        "no stop": b"\x80\x03N",
        "garbage": bytes(range(256)) * 9,
        "text": b"<!DOCTYPE html><html>not found</html>",
        "zip": b"PK\x03\x04" + bytes(100),
        "claims 2 GiB": b"\x80\x03B" + struct.pack("<I", 2**31) + b"abc",
        "claims 2^62": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc",
        "claims 2^64": b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1) + b"abc",
        "claims a frame": b"\x80\x04\x95" + struct.pack("<Q", 2**63) + b"N.",
        "integer": b"\x80\x03\x8b" + struct.pack("<i", 50_000) + b"\x7f" * 50_000 + b".",
        "negative": b"\x80\x03\x8b" + struct.pack("<i", -5) + b"\x7f" * 50 + b".",
        "nested lists": b"\x80\x03" + b"]" * 40_000 + b"a" * 39_999 + b".",
        "nested tuples": b"\x80\x03)" + b"\x85" * 100_000 + b".",
        "nested key": b"\x80\x03})" + b"\x85" * 100_000 + b"Ns.",
        "many marks": b"\x80\x03" + b"(" * 60_000 + b".",
        "many values": b"\x80\x03" + b"N" * 60_000 + b".",
        "doubling": b"\x80\x03)" + b"2\x86" * 1000 + b".",
        "doubled by memo": b"\x80\x03)" + b"q\x00h\x00\x86" * 1000 + b".",
        "encoded again and again": b"\x80\x03]"
        + big
        + b"q\x000"
        + (encode + b"h\x00" + text("latin1") + b"\x86Ra") * 4000
        + b".",
        "memo of nothing": b"\x80\x03h\x05.",
        "huge memo index": b"\x80\x03Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.",
        "pop below": b"\x80\x030.",
        "pop a mark": b"\x80\x03(R.",
        "leftover": b"\x80\x03NN.",
        "protocol": b"\x80\x09N.",
        "list in itself": b"\x80\x03]q\x00h\x00a.",
        "storage bytes": loader + b"C\x04abcd\x85R.",
        "storage number": loader + b"K\x04\x85R.",
        "tensor shape": ones.replace(b"K\x04\x85", b"K\xff\x85"),
        "tensor stride": ones.replace(b"K\x01\x85", b"K\x02\x85"),
        "storage count": ones.replace(b"\x04" + bytes(7), b"\x04" + bytes(6) + b"\x7f"),
    }


@pytest.mark.parametrize("name", sorted(bombs()))
def test_damaged_and_absurd_files_end_in_one_clear_error(name, tmp_path):
    read(bombs()[name], tmp_path)


def test_steps_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("mammo_synth.gan.legacy.machine.MAX_OPCODES", 1000)
    assert "steps" in read(b"\x80\x03" + b"N0" * 600 + b"N.", tmp_path).message


def test_a_network_that_contains_itself_is_refused():
    inside: dict[str, object] = {}
    module = StoredModule("Generator", {"_modules": inside})
    inside["x"] = module
    with pytest.raises(Unreadable, match="unexpected parts"):
        named_tensors(module, "G")
    inside |= {str(k): StoredModule("Layer", {}) for k in range(5000)}
    del inside["x"]
    with pytest.raises(Unreadable, match="too many parts"):
        named_tensors(module, "G")


def test_one_storage_used_again_and_again_is_refused(tmp_path):
    names = state("g16_orig", "sd/")
    shared = {n: torch.zeros([]).expand(v.shape) for n, v in names.items()}
    message = read(dump(snapshot(None, None, part("Generator", shared, {}))), tmp_path).message
    assert "claims more numbers" in message


@pytest.fixture(scope="module")
def whole() -> bytes:
    return dump(snapshot(None, None, golden_part("g16_orig")), 4)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def survives(data: bytes, scratch: Path) -> bool:
    """Whether ``data`` is read; anything but a network or a BadInput fails the test."""
    path = scratch / "network.pkl"
    path.write_bytes(data)
    try:
        read_networks(path, ["G_ema"])
    except BadInput:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_random_bytes_never_crash(data, scratch):
    assert not survives(data, scratch)
    assert not survives(b"\x80\x03" + data + b".", scratch)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=4),
    front=st.booleans(),
)
def test_changed_bytes_never_crash(changes, front, whole, scratch):
    data = bytearray(whole)
    for place, value in changes:
        # Half of the trials change the first part, where opcodes are dense.
        data[place % (min(len(data), 4000) if front else len(data))] = value
    survives(bytes(data), scratch)


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 0.999))
def test_truncation_anywhere_is_refused(share, whole, scratch):
    assert not survives(whole[: int(len(whole) * share)], scratch)


def test_production_code_has_no_python_unpickler():
    for path in HOUSE.rglob("*.py"):
        lines = [line.split("#")[0] for line in path.read_text().splitlines()]
        for line in lines:
            words = line.split()
            assert not (words[:1] in (["import"], ["from"]) and "pickle" in words), path
            assert "torch.load(" not in line and "allow_pickle=True" not in line, path
