"""Batches of line hashes and Merkle roots: RFC 6962, by every kernel, against naive twins."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medchain.ledger import core, merkle

KERNELS = core.usable()
LENGTHS = st.integers(0, 2200)

# The test tree of the Certificate Transparency reference implementation (google/certificate-
# transparency, merkletree/merkle_tree_test.cc; transparency-dev/merkle, testonly/constants.go).
CT_INPUTS = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one kernel after the other be the one of this process."""
    monkeypatch.setattr(core, "chosen", lambda _purpose: request.param)


every_kernel = pytest.mark.usefixtures("kernel")


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 writes it, over leaves that are hashed already."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def check_lines(lengths: list[int]) -> None:
    """Compare the hashes of lines of these lengths, all different, with those of hashlib."""
    lines = [(b"%d," % i * (length // 2 + 1))[:length] for i, length in enumerate(lengths)]
    joined = b"".join(line + b"\n" for line in lines)
    for function, prefix in ((merkle.line_hashes, b""), (merkle.leaf_hashes, b"\x00")):
        hashes = function(joined)
        for i, line in enumerate(lines):
            assert hashes[32 * i : 32 * i + 32] == sha256(prefix + line).digest(), (i, len(line))
        assert len(hashes) == 32 * len(lines)


def some_leaves(count: int) -> list[bytes]:
    return [sha256(i.to_bytes(4, "big")).digest() for i in range(count)]


@every_kernel
@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_tree(size: int) -> None:
    lines = b"".join(bytes.fromhex(text) + b"\n" for text in CT_INPUTS[:size])
    assert merkle.root(merkle.leaf_hashes(lines)).hex() == CT_ROOTS[size]


@every_kernel
def test_roots_agree_with_the_recursion() -> None:
    leaves = some_leaves(4097)
    for size in [*range(201), 255, 256, 257, 1000, 1023, 1024, 1025, 3000, 4095, 4096, 4097]:
        assert merkle.root(b"".join(leaves[:size])) == tree_hash(leaves[:size]), size


@every_kernel
def test_root_leaves_its_input_alone() -> None:
    leaves = b"".join(some_leaves(7))
    copy = bytes(bytearray(leaves))
    merkle.root(leaves)
    assert leaves == copy


def test_the_frontier_agrees_at_every_size() -> None:
    frontier, leaves = merkle.Frontier(), some_leaves(200)
    for size in range(201):
        assert (frontier.size, frontier.root()) == (size, tree_hash(leaves[:size]))
        if size < 200:
            frontier.append(leaves[size])


def test_extending_the_frontier_is_appending() -> None:
    """From every size and by every size up to 40, and both states go on growing alike."""
    leaves = some_leaves(82)
    for size in range(41):
        for more in range(41):
            one_by_one, at_once = merkle.Frontier(), merkle.Frontier()
            for leaf in leaves[: size + more]:
                one_by_one.append(leaf)
            at_once.extend(b"".join(leaves[:size]))
            at_once.extend(b"".join(leaves[size : size + more]))
            assert vars(at_once) == vars(one_by_one), (size, more)


@settings(deadline=None)
@given(parts=st.lists(st.integers(0, 700), max_size=12))
def test_the_frontier_is_extended_in_any_parts(parts: list[int]) -> None:
    frontier, leaves, size = merkle.Frontier(), some_leaves(sum(parts)), 0
    for part in parts:
        frontier.extend(b"".join(leaves[size : size + part]))
        size += part
        assert (frontier.size, len(frontier._subtrees)) == (size, size.bit_count())
    assert frontier.root() == merkle.root_in_python(b"".join(leaves))


def test_the_frontier_keeps_one_hash_for_each_one_bit() -> None:
    frontier = merkle.Frontier()
    for leaf in some_leaves(100):
        frontier.append(leaf)
        assert len(frontier._subtrees) == frontier.size.bit_count()


@every_kernel
def test_every_line_length() -> None:
    source = random.Random(6962)
    lines = [source.randbytes(n).replace(b"\n", b"\r") for n in [*range(301), 5000, 0, 0, 70_001]]
    joined = b"".join(line + b"\n" for line in lines)
    plain = b"".join(sha256(line).digest() for line in lines)
    leaf = b"".join(sha256(b"\x00" + line).digest() for line in lines)
    assert (merkle.line_hashes(joined), merkle.leaf_hashes(joined)) == (plain, leaf)


@every_kernel
def test_every_line_length_in_every_lane() -> None:
    """Lines of one length fill the lanes; the 3 that are left over, or 1, do not."""
    around = [64 * chunks + i for chunks in range(5, 35) for i in (-11, -10, -9, -8, -1, 0, 1)]
    for length in [*range(261), *around]:
        check_lines(19 * [length])
        check_lines(33 * [length])


@every_kernel
@pytest.mark.parametrize("length", [3, 60, 125, 700])
def test_every_count_of_lines(length: int) -> None:
    for count in range(41):
        check_lines(count * [length])


@pytest.mark.parametrize("name", KERNELS)
@settings(deadline=None)
@given(
    lengths=st.lists(st.sampled_from([0, 54, 55, 56, 125, 126, 400, 2038, 2039, 2500]) | LENGTHS)
)
def test_lines_of_mixed_lengths_stay_in_order(name: str, lengths: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core, "chosen", lambda _purpose: name)
        check_lines(lengths)


@every_kernel
def test_the_root_of_lines_is_the_root_of_their_leaves() -> None:
    """At every size up to 130, and around the windows of 512 lines that the C core folds."""
    leaves = [merkle.leaf_hash(b"%d" % i) for i in range(2050)]
    windows = [size + i for size in (512, 1024, 1536, 2048) for i in (-1, 0, 1)]
    for size in [*range(131), 300, *windows]:
        lines = b"".join(b"%d\n" % i for i in range(size))
        assert merkle.tree_root(lines) == tree_hash(leaves[:size]), size


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("prefix", [b"", b"\x00", b"\x01", b"\xff"])
@settings(deadline=None)
@given(data=st.binary(max_size=2000).map(lambda data: data.replace(b"z", b"\n") + b"\n"))
def test_any_bytes_cut_anywhere(name: str, prefix: bytes, data: bytes) -> None:
    expected = [sha256(prefix + line).digest() for line in data[:-1].split(b"\n")]
    twin = merkle.hash_lines_in_python(data, prefix)
    fast = twin if name == core.PYTHON else core.hash_lines(name, data, prefix)
    assert fast == twin == b"".join(expected)


@every_kernel
def test_single_hashes_agree_with_batches() -> None:
    left, right = merkle.leaf_hash(b"left"), merkle.leaf_hash(b"right")
    assert merkle.leaf_hashes(b"left\nright\n") == left + right
    assert merkle.root(left + right) == merkle.node_hash(left, right)
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@every_kernel
def test_nothing_hashes_to_nothing() -> None:
    assert merkle.leaf_hashes(b"") == merkle.line_hashes(b"") == b""
    assert merkle.root(b"") == merkle.tree_root(b"") == sha256(b"").digest()


@every_kernel
@pytest.mark.parametrize("lines", [b"a", b"a\nb", b"\n\r", b"\n\x00"])
def test_a_line_without_its_end_is_refused(lines: bytes) -> None:
    for function in (merkle.leaf_hashes, merkle.line_hashes, merkle.tree_root):
        with pytest.raises(ValueError, match="lacks its LF"):
            function(lines)


@every_kernel
@pytest.mark.parametrize("length", [1, 31, 33, 63])
def test_a_broken_row_of_hashes_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes each"):
        merkle.root(bytes(length))
    with pytest.raises(ValueError, match="32 bytes each"):
        merkle.Frontier().extend(bytes(length))
