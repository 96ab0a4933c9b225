"""Paths through the tree: that a leaf is in it, and that one tree begins another (RFC 6962, 2.1).

Making a path takes all leaf hashes, concatenated; checking it takes the path alone. A path of the
wrong length is refused before anything is hashed, whatever its hashes.
"""

from __future__ import annotations

from collections.abc import Sequence

from .merkle import EMPTY, SIZE, node_hash, root

Hashes = list[bytes]


class BadPath(ValueError):
    """A path that does not lead where it should."""


def inclusion(leaves: bytes, index: int) -> Hashes:
    """The path of leaf `index` to the root over `leaves`, from its sibling up (2.1.1)."""
    size = len(leaves) // SIZE
    assert 0 <= index < size
    if size == 1:
        return []
    split = _split(size)
    left, right = leaves[: split * SIZE], leaves[split * SIZE :]
    if index < split:
        return [*inclusion(left, index), root(right)]
    return [*inclusion(right, index - split), root(left)]


def root_above(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves in which `path` leads up from `leaf` at `index`.

    Raises `BadPath` where there is no such leaf, or the path has not its one length.
    """
    if not 0 <= index < size:
        raise BadPath("a leaf that the tree does not have")
    turns = _turns(index, size)
    if len(turns) != len(path):
        raise BadPath(f"a path of {len(path)} hashes where {len(turns)} lead to the root")
    for is_right, sibling in zip(turns, path, strict=True):
        leaf = node_hash(sibling, leaf) if is_right else node_hash(leaf, sibling)
    return leaf


def consistency(leaves: bytes, old: int) -> Hashes:
    """The path that shows that the tree over the first `old` leaves begins this one (2.1.2)."""
    assert 0 <= old <= len(leaves) // SIZE
    return _subproof(leaves, old, True) if old else []


def check_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree of `old` leaves and `old_root` begins that of `new` and `new_root`.

    Raises `BadPath` where it does not, or where `path` does not show it (RFC 9162, 2.1.4.2).
    """
    if not 0 <= old <= new:
        raise BadPath("a tree that begins a smaller one")
    if old in (0, new):
        if path or old_root != (new_root if old else EMPTY):
            raise BadPath("two trees of one size with different roots, or a path between them")
        return
    rest = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not rest:
        raise BadPath("no path where there has to be one")
    position, last = _odd_part(old - 1, new - 1)
    first = second = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            raise BadPath("a path that is too long")
        if position & 1 or position == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise BadPath("a path that is too short")
    if (first, second) != (old_root, new_root):
        raise BadPath("a path that leads from or to another tree")


def _odd_part(position: int, last: int) -> tuple[int, int]:
    while position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _subproof(leaves: bytes, old: int, known: bool) -> Hashes:
    """SUBPROOF of RFC 6962, 2.1.2; `known` where the root over the old leaves is at hand."""
    size = len(leaves) // SIZE
    if old == size:
        return [] if known else [root(leaves)]
    split = _split(size)
    left, right = leaves[: split * SIZE], leaves[split * SIZE :]
    if old <= split:
        return [*_subproof(left, old, known), root(right)]
    return [*_subproof(right, old - split, False), root(left)]


def _turns(index: int, size: int) -> list[bool]:
    """For each level from the leaf up at which it has a sibling, whether it is the right one."""
    turns, last = [], size - 1
    while last:
        if index & 1 or index != last:
            turns.append(bool(index & 1))
        index, last = index >> 1, last >> 1
    return turns


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
