"""Paths through trees of every size up to 100, and every way to spoil one."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from medchain.ledger import merkle
from medchain.ledger.path import (
    BadPath,
    Hashes,
    check_consistency,
    consistency,
    inclusion,
    root_above,
)

LEAVES = [sha256(b"\0%d" % number).digest() for number in range(101)]
ROOTS = [merkle.root(b"".join(LEAVES[:size])) for size in range(101)]


def tree(size: int) -> bytes:
    return b"".join(LEAVES[:size])


def spoiled(path: Hashes, step: int = 1) -> Iterator[Hashes]:
    """`path` with every `step`-th bit flipped, too short, too long, and in another order."""
    for place, part in enumerate(path):
        for bit in range(0, 256, step):
            other = bytearray(part)
            other[bit // 8] ^= 1 << bit % 8
            yield [*path[:place], bytes(other), *path[place + 1 :]]
        yield path[:place] + path[place + 1 :]
        yield [*path[:place], part, *path[place:]]
        if place and path[place - 1] != part:
            yield [*path[: place - 1], part, path[place - 1], *path[place + 1 :]]
    yield [*path, bytes(32)]
    yield [bytes(32), *path]


def included(index: int, size: int, path: Hashes) -> bool:
    try:
        return root_above(LEAVES[index], index, size, path) == ROOTS[size]
    except BadPath:
        return False


def consistent(old: int, new: int, path: Hashes) -> bool:
    try:
        check_consistency(old, ROOTS[old], new, ROOTS[new], path)
    except BadPath:
        return False
    return True


def test_every_path_of_every_size_up_to_100_leads_to_the_root() -> None:
    for size in range(1, 101):
        for index in range(size):
            path = inclusion(tree(size), index)
            assert included(index, size, path)
            assert len(path) <= (size - 1).bit_length()


def test_every_consistency_of_every_two_sizes_up_to_100_holds() -> None:
    for new in range(101):
        for old in range(new + 1):
            assert consistent(old, new, consistency(tree(new), old)), (old, new)


def flip_all(sizes: range, step: int) -> None:
    for size in sizes:
        for index in range(size):
            for path in spoiled(inclusion(tree(size), index), step):
                assert not included(index, size, path)
        for old in range(1, size + 1):
            for path in spoiled(consistency(tree(size), old), step):
                assert not consistent(old, size, path)


def test_every_bit_of_every_path_of_small_trees_counts() -> None:
    flip_all(range(1, 12), 1)


@pytest.mark.slow
def test_every_bit_of_every_path_up_to_100_counts() -> None:
    flip_all(range(1, 101), 1)


def test_a_path_proves_its_own_leaf_place_and_size_alone() -> None:
    for size in range(1, 34):
        for index in range(size):
            path = inclusion(tree(size), index)
            assert not any(included(other, size, path) for other in range(size) if other != index)
            for wrong in {*range(1, 40)} - {size}:
                if index < wrong:
                    with_wrong_size = _root(index, wrong, path)
                    # The same turns may fit two sizes: then it is the root that tells them apart.
                    assert with_wrong_size is None or with_wrong_size == ROOTS[size] != ROOTS[wrong]


def _root(index: int, size: int, path: Hashes) -> bytes | None:
    try:
        return root_above(LEAVES[index], index, size, path)
    except BadPath:
        return None


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (5, 3)])
def test_no_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(BadPath):
        root_above(LEAVES[0], index, size, [])


def test_a_history_that_was_rewritten_is_no_extension() -> None:
    """For every two sizes: an old leaf changed, and an honest path made in the new tree."""
    for new in range(2, 40):
        for old in range(1, new + 1):
            for changed in {0, old // 2, old - 1}:
                other = LEAVES[:new]
                other[changed] = sha256(b"another").digest()
                leaves = b"".join(other)
                with pytest.raises(BadPath):
                    check_consistency(
                        old, ROOTS[old], new, merkle.root(leaves), consistency(leaves, old)
                    )


def test_a_path_to_a_tree_of_another_height_is_refused() -> None:
    """The roots are right, and only the sizes are not."""
    for old in range(1, 20):
        for new in range(old + 1, 20):
            path = consistency(tree(new), old)
            for claimed in (4 * new, 8 * new + 1):
                with pytest.raises(BadPath):
                    check_consistency(old, ROOTS[old], claimed, ROOTS[new], path)


def test_a_tree_does_not_begin_a_smaller_one() -> None:
    with pytest.raises(BadPath):
        check_consistency(5, ROOTS[5], 3, ROOTS[3], [])


def test_a_frontier_over_many_leaves_is_the_one_that_grew() -> None:
    grown = merkle.Frontier()
    for size in range(101):
        made = merkle.Frontier.over(tree(size))
        assert (made.size, made.root(), made._subtrees) == (size, ROOTS[size], grown._subtrees)
        if size < 100:
            grown.append(LEAVES[size])
