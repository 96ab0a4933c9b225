"""The worked example of docs/format.md, value by value, is what the code computes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from medchain.ledger import merkle
from medchain.ledger.block import block_hash, encode, parse_line, to_line
from medchain.ledger.lines import MAX_LINE, MAX_RECORDS
from medchain.ledger.reader import MAX_BLOCK
from medchain.ledger.verify import Walk

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "format.md").read_text()
LIMITS = (ROOT / "docs" / "limits.md").read_text()
EXAMPLE = TEXT[TEXT.index("## 11. Worked example") :]
JSON = [block.encode() for block in re.findall(r"```jsonl\n(.*?)```", EXAMPLE, re.DOTALL)]
WORDS = re.findall(r"```text\n(.*?)```", EXAMPLE, re.DOTALL)
LEDGER = (ROOT / "tests" / "vectors" / "example.jsonl").read_bytes()
SEALED = (ROOT / "tests" / "vectors" / "example.sealed.jsonl").read_bytes()


def test_the_block_in_the_text_is_in_the_file() -> None:
    assert LEDGER.splitlines(keepends=True)[2:6] == JSON[0].splitlines(keepends=True)


def test_the_seal_opens() -> None:
    line = JSON[1].rstrip(b"\n")
    assert line == SEALED.splitlines()[0]
    assert hashlib.sha256(line).hexdigest().encode() in JSON[0].splitlines()[1]


def test_the_tree() -> None:
    values = dict(line.rsplit(maxsplit=1) for line in WORDS[0].splitlines())
    leaves = merkle.leaf_hashes(b"".join(JSON[0].splitlines(keepends=True)[:3]))
    for number in range(3):
        assert values[f"leaf {number}"] == leaves[32 * number : 32 * number + 32].hex()
    assert values["node 0,1"] == merkle.node_hash(leaves[:32], leaves[32:64]).hex()
    assert values["root"] == merkle.root(leaves).hex()


def test_the_header_and_its_hash() -> None:
    shown = bytes.fromhex("".join(line[5:] for line in WORDS[1].splitlines()))
    line = JSON[0].splitlines(keepends=True)[3]
    header, claimed = parse_line(line.rstrip(b"\n"))
    assert encode(header) == shown
    assert len(shown) == 112
    assert block_hash(header) == claimed == bytes.fromhex(WORDS[2].strip())
    assert claimed == merkle.leaf_hash(shown[1:]), "a block hash is a leaf hash as it stands"
    assert to_line(header) == line


def test_the_root_over_the_blocks(tmp_path: Path) -> None:
    path = tmp_path / "example.jsonl"
    path.write_bytes(LEDGER)
    with path.open("rb") as stream:
        walk = Walk(stream)
        assert len(list(walk)) == 3
    assert f"`{walk.tree.root().hex()}`" in EXAMPLE


def test_the_bounds_in_the_text_are_those_of_the_code() -> None:
    for limit in (MAX_BLOCK, MAX_LINE, MAX_RECORDS):
        assert f"{limit:,}" in TEXT
        assert f"{limit:,}" in LIMITS


@pytest.mark.parametrize(
    "line",
    [
        b'{"block":01,"time"',
        b'{"block":1, "time"',
        b'{"time":1,"block"',
    ],
)
def test_a_block_line_has_one_spelling(line: bytes) -> None:
    good = JSON[0].splitlines()[3]
    assert parse_line(good)
    with pytest.raises(ValueError, match="template"):
        parse_line(line + good[len(b'{"block":1,"time"') :])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"time":1795335301500000', b'"time":%d' % 2**53),
        (b'"nonce":152', b'"nonce":%d' % 2**53),
        (b'"bits":8', b'"bits":256'),
        (b"00002", b"0000A"),
        (b'"count":2', b'"count":+2'),
        (b'"count":2', b'"count":2.0'),
        (b'"count":2', b'"count":\xd9\xa2'),
    ],
)
def test_what_the_grammar_leaves_out_is_refused(old: bytes, new: bytes) -> None:
    good = JSON[0].splitlines()[3].replace(b'"prev":"006a4e', b'"prev":"00002e')
    assert old in good
    with pytest.raises(ValueError, match=r"template|2\*\*53|bits"):
        parse_line(good.replace(old, new))
