"""Merkle tree hashes over lines, as RFC 6962 section 2.1 defines them.

A leaf is SHA-256(0x00 || line) and a node SHA-256(0x01 || left || right). The two prefixes keep a
node from ever passing for a leaf. The tree hash MTH of n > 1 leaves splits at k, the largest power
of two below n: MTH(D[n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])). That is the tree which
pairs neighbours level by level and carries an odd last one up unchanged, which is how it is
computed here. The batch functions run in the C core where there is one, without the interpreter
lock, and on hashlib elsewhere.
"""

from __future__ import annotations

from hashlib import sha256

from . import core

LEAF, NODE = b"\x00", b"\x01"
SIZE = 32
EMPTY = sha256(b"").digest()


def leaf_hash(line: bytes) -> bytes:
    """Hash one line (without its LF) to the leaf that stands for it."""
    return sha256(LEAF + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees to the node above them."""
    return sha256(NODE + left + right).digest()


def leaf_hashes(lines: bytes) -> bytes:
    """Hash each LF-terminated line to its leaf: 32 bytes a line, concatenated, in order.

    Raises ValueError where the last line lacks its LF: cutting lines is the caller's work.
    """
    return _hash_lines(lines, LEAF)


def line_hashes(lines: bytes) -> bytes:
    """Hash each LF-terminated line, without its LF and with no prefix (what a seal is).

    Shape and errors are those of `leaf_hashes`.
    """
    return _hash_lines(lines, b"")


def root(leaves: bytes) -> bytes:
    """Compute the tree hash of concatenated 32-byte leaf hashes; of none, SHA-256 of nothing.

    Raises ValueError where `leaves` is not a whole number of hashes.
    """
    _count(leaves)
    kernel = core.chosen(core.HASHING)
    return root_in_python(leaves) if kernel == core.PYTHON else core.root(kernel, leaves)


def tree_root(lines: bytes) -> bytes:
    """Compute the tree hash over LF-terminated lines: ``root(leaf_hashes(lines))`` in one pass.

    Raises ValueError where the last line lacks its LF.
    """
    kernel = _kernel_for(lines)
    if kernel == core.PYTHON:
        return root_in_python(hash_lines_in_python(lines, LEAF))
    return core.lines_root(kernel, lines)


def root_in_python(leaves: bytes) -> bytes:
    """Compute what `root` computes on hashlib alone: the readable twin."""
    level = [leaves[i : i + SIZE] for i in range(0, len(leaves), SIZE)]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[len(level) & ~1 :]
        level = [node_hash(left, right) for left, right in pairs] + odd
    return level[0] if level else EMPTY


def hash_lines_in_python(lines: bytes, prefix: bytes) -> bytes:
    """Compute what `leaf_hashes` and `line_hashes` compute on hashlib alone: the readable twin."""
    return b"".join(sha256(prefix + line).digest() for line in lines.split(b"\n")[:-1])


def _hash_lines(lines: bytes, prefix: bytes) -> bytes:
    kernel = _kernel_for(lines)
    if kernel == core.PYTHON:
        return hash_lines_in_python(lines, prefix)
    return core.hash_lines(kernel, lines, prefix)


def _kernel_for(lines: bytes) -> str:
    if lines and not lines.endswith(b"\n"):
        raise ValueError("the last line lacks its LF")
    return core.chosen(core.HASHING)


def _count(leaves: bytes) -> int:
    if len(leaves) % SIZE:
        raise ValueError(f"leaf hashes are {SIZE} bytes each, got {len(leaves)} bytes")
    return len(leaves) // SIZE


class Frontier:
    """A tree that grows leaf by leaf and keeps only its complete subtrees, O(log n) hashes.

    This is the "compact range" of the Certificate Transparency logs: one subtree for each one bit
    of the size, the largest first.
    """

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    @classmethod
    def over(cls, leaves: bytes) -> Frontier:
        """The tree over concatenated leaf hashes."""
        tree, start = cls(), 0
        tree.size = len(leaves) // SIZE
        for level in range(tree.size.bit_length() - 1, -1, -1):
            if tree.size >> level & 1:
                end = start + (SIZE << level)
                tree._subtrees.append(root(leaves[start:end]))
                start = end
        return tree

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash on the right."""
        self._add(leaf, 1)

    def extend(self, leaves: bytes) -> None:
        """Add concatenated leaf hashes on the right, as many complete subtrees as they make.

        Raises ValueError where `leaves` is not a whole number of hashes.
        """
        left = _count(leaves)
        while left:
            width = 1 << left.bit_length() - 1
            if self.size:
                width = min(width, self.size & -self.size)
            start = len(leaves) - SIZE * left
            self._add(root(leaves[start : start + SIZE * width]), width)
            left -= width

    def _add(self, node: bytes, width: int) -> None:
        """Add a complete subtree of `width` leaves, a power of two that divides the size."""
        trailing = self.size // width
        while trailing & 1:
            node = node_hash(self._subtrees.pop(), node)
            trailing >>= 1
        self._subtrees.append(node)
        self.size += width

    def root(self) -> bytes:
        """Compute the tree hash over everything appended so far."""
        if not self._subtrees:
            return EMPTY
        right, *rest = reversed(self._subtrees)
        for left in rest:
            right = node_hash(left, right)
        return right
