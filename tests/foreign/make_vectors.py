"""Writes tests/vectors/format-1.json: `python -m tests.foreign.make_vectors`.

Each case is a ledger with what a verifier must say of it. The answers stand here as written by hand
next to each ledger; the verifiers are held to them, and none of them made them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from .forge import (
    Forge,
    classed,
    declare,
    event,
    genesis,
    opened,
    root_of,
    score,
    sealed,
    sha256,
    silent,
    speak,
)

VECTORS = Path(__file__).parent.parent / "vectors"
BIG = 1 << 53


class Cases:
    def __init__(self) -> None:
        self.list: list[dict[str, object]] = []

    def add(self, name: str, verdict: str, data: bytes, sound: Forge | None) -> None:
        """`sound` is the ledger as far as it is sound: what blocks, records and root count."""
        try:
            text = {"ledger": data.decode("ascii")}
        except UnicodeDecodeError:
            text = {"ledger_base64": base64.b64encode(data).decode()}
        blocks, records = (len(sound.blocks), sound.records) if sound else (0, 0)
        root = sound.root if sound else root_of([]).hex()
        answer = {"verdict": verdict, "blocks": blocks, "records": records, "root": root}
        self.list.append({"name": name} | text | answer)


def put(line: bytes, text: str) -> bytes:
    """`line` with `text` where it has the string "?": for what no JSON writer writes."""
    assert line.count(b'"?"') == 1
    return line.replace(b'"?"', text.encode())


def nest(depth: int, opening: str, closing: str, inside: str = "") -> bytes:
    """An event line that is nested `depth` deep, where `opening` has the only brackets, and one."""
    return put(event("x", a="?"), opening * (depth - 1) + inside + closing * (depth - 1))


def small(mode: str = "sealed", bits: int = 0) -> Forge:
    """A sound ledger of two blocks and three records."""
    forge = Forge(genesis(rows=mode, min_bits=bits), bits=bits)
    record = sealed if mode == "sealed" else opened
    rows = [record(0, "0.1", "false"), record(1, "0.5", "true"), record(2, "0.75", "true")]
    return forge.add(score(0.5, 3, 2), *rows)


def numbers(size: int) -> dict[str, str]:
    """Numbers of `size` characters."""
    return {
        "digits": "1" * size, "minus and digits": "-" + "1" * (size - 1),
        "places": "0." + "1" * (size - 2), "noughts": "1." + "0" * (size - 2),
        "exponent": "1e" + "0" * (size - 2), "signed exponent": "1e-" + "0" * (size - 4) + "1",
    }  # fmt: skip


def sound_cases(cases: Cases) -> None:
    def good(name: str, forge: Forge) -> None:
        cases.add(name, "verified", forge.data, forge)

    good("genesis alone", Forge())
    good("sealed rows", small())
    good("open rows", small("open"))
    good("four bits of work", small(bits=4))
    good("more work than min_bits asks", Forge(bits=2).add(event("x"), bits=6))
    good("unknown kind with records", small().add(event("later", deep={"a": [1, {}]}), sealed(3)))
    good("unknown keys in the genesis event", Forge(genesis(program="p", more=[None, 1.5e300])))
    good("unknown keys in a score event", Forge().add(score(1, 0, 0, note="\u00fc")))
    good("recovery event", small().add(event("recovery", bytes=7, sha256="ab" * 32)))
    good("score event without records", Forge().add(score(0.5, 0, 0)))
    good("same time twice", (f := Forge()).add(event("x"), time=f.time - 1_000_000))
    good("a nonce that is not the lowest", Forge().add(event("x"), nonce=BIG - 1))
    good("origin of any characters", Forge(genesis(origin="")))
    many = Forge().add(score(0.5, 21, 21), *(sealed(i) for i in range(21)))
    good("trees of many shapes", many.add(event("x"), *(sealed(21 + i) for i in range(6))))
    tricky = ["0", "-0", "1", "-0.5", "12.345678", "999999999.999999", "0.500000", "-999999999"]
    verdicts = ["false", "false", "true", "false", "true", "true", "true", "false"]
    rows = [sealed(i, s, v) for i, (s, v) in enumerate(zip(tricky, verdicts, strict=True))]
    good("shapes of scores", Forge().add(score(0.5, 8, 4), *rows))
    rows = [sealed(0, "0.1", "true"), sealed(1, "0.099999", "false")]
    good("a score at the threshold, in decimal", Forge().add(score(0.1, 2, 1), *rows))
    rows = [sealed(0, "-0", "true"), sealed(1, "0", "true"), sealed(2, "-0.000001", "false")]
    good("minus nought is nought", Forge().add(score(0, 3, 2), *rows))
    near = put(score("?", 2, 1), "0.1000000000000000000000000000000000001")
    rows = [sealed(0, "0.1", "true"), sealed(1, "0.099999", "false")]
    good("a threshold that binary64 rounds to the score", Forge().add(near, *rows))
    rows = [sealed(0, "0.3", "false"), sealed(1, "0.300001", "true")]
    good("a threshold next to the score", Forge().add(score(0.1 + 0.2, 2, 1), *rows))
    rows = [sealed(0, "0", "true"), sealed(1, "-0", "true"), sealed(2, "-0.000001", "false")]
    for text in ("-0", "1e-400", "-1E-400", "0e+99"):
        good(f"threshold {text} is nought", Forge().add(put(score("?", 3, 2), text), *rows))
    most = "999999999.999999"
    for text, verdict in {"1e400": "false", "-1e400": "true", "9" * 64: "false"}.items():
        head = put(score("?", 1, int(verdict == "true")), text)
        good(f"threshold {text[:9]}", Forge().add(head, sealed(0, most, verdict)))
    row = '{"a":"","\\u0061b":"\\u00e9\\ud83d\\ude00\\"\\\\\\/ {}","c":"x y"}'
    good("escapes in an open row", Forge(genesis(rows="open")).add(event("x"), opened(0, row=row)))
    bare = opened(0, row="{}")
    good("an open row without cells", Forge(genesis(rows="open")).add(event("x"), bare))
    deep = event("x", a=[[[[{"b": {"c": [[{"d": {}}]]}}]]]])
    good("brackets in brackets", Forge().add(deep))
    good("lists nested 64 deep", Forge().add(nest(64, "[", "]")))
    good("objects nested 64 deep", Forge().add(nest(64, '{"a":', "}", "1")))
    good("lists and objects nested 64 deep", Forge().add(nest(32, '[{"a":', "}]", "[]")))
    good("a genesis event nested 64 deep", Forge(genesis(a=json.loads("[" * 63 + "]" * 63))))
    good("a hundred lists side by side", Forge().add(event("x", a=[[]] * 100, b=[{}] * 100)))
    good("brackets in a string", Forge().add(event("x", a="[{" * 100, b='\\"' + "[" * 100)))
    for name, text in numbers(64).items():
        good(f"64 characters: {name}", Forge().add(put(event("x", a=["?"]), text)))
    good("64 characters: a threshold", Forge().add(put(score("?", 0, 0), "0." + "1" * 62)))
    good("65 digits in a string", Forge().add(event("x", a="1" * 65)))
    good("numbers of every shape", Forge().add(put(event("x", a="?"), "[-0,1.0,1E+2,0e-0,-5]")))
    wide = b'{"event" : "x" , "a" : [ 1 , { } , [ ] ] , "b":{"c" :"" } }  '.replace(b" :", b":", 1)
    good("spaces in an event line", Forge().add(wide))
    wide = b'{"event":"genesis", ' + genesis()[19:].replace(b",", b" , ").replace(b":", b" : ")
    good("spaces in the genesis event", Forge(wide))
    wide = score(0.5, 1, 1).replace(b",", b", ").replace(b":", b": ").replace(b": ", b":", 1)
    good("spaces in a score event", Forge().add(wide, sealed(0)))
    for name, row in {"row": '{ "a" : "1" , "b":"" }', "row without cells": "{  }"}.items():
        opens = Forge(genesis(rows="open")).add(score(0.5, 1, 1), opened(0, row=row))
        good(f"spaces in a {name}", opens)
    good("a kind that is nearly genesis", Forge().add(event("Genesis")))
    good("a kind of no characters", Forge().add(event("")))
    head = score(0.5, 1, 1).replace(b'"score"', b'"\\u0073core"').replace(b"rows", b"r\\u006Fws")
    good("an escaped kind and an escaped key", Forge().add(head, sealed(0)))
    good("half a surrogate pair", Forge().add(put(event("x", a="?"), r'"\ud800"')))
    good("letters alike are two keys", Forge().add(event("x", **{"\u00e9": 1, "e\u0301": 1})))
    good("an open record in another event", Forge().add(event("x"), opened(0), sealed(1)))
    other = Forge(genesis(rows="open")).add(event("x"), sealed(0), opened(1))
    good("a sealed record in another event", other)
    good("keys of a score event in another event", Forge().add(event("x", rows=7, threshold=None)))
    good("recovery event without keys", Forge().add(event("recovery")))
    good("recovery event with other values", Forge().add(event("recovery", bytes=-1, sha256=[])))
    good("words of the format inside strings", Forge().add(event("x", y='{"block":0}}]}')))
    good("same key in different objects", Forge().add(event("x", a={"a": [{"a": 1}, {"a": 2}]})))


def declared_cases(cases: Cases) -> None:
    """Events of declared models, sound and unsound."""
    sound = Forge()

    def good(name: str, *blocks: tuple[bytes, ...], mode: str = "sealed") -> None:
        forge = Forge(genesis(rows=mode))
        for head, *records in blocks:
            forge.add(head, *records)
        cases.add(f"declared: {name}", "verified", forge.data, forge)

    def bad(name: str, head: bytes, *records: bytes, rule: int = 8) -> None:
        cases.add(f"rule {rule}: {name}", "tampered", Forge().add(head, *records).data, sound)

    yes, no = sealed(0, "0.5", "true"), sealed(0, "0.4", "false")
    good("a declaration", (declare(),))
    good("a declaration of no characters", (declare(""),))
    good("a declaration of every byte", (declare("".join(map(chr, range(128)))),))
    good("a declaration with further keys", (declare(replaces="ab" * 32, more=[1]),))
    good("a probability", (speak("probability", 0.5, 1, 1), yes))
    good("a number, no threshold", (speak("number", None, 1, 0), sealed(0, "12.5", "false")))
    good("a class", (speak("class", 1, 2, 1), classed(0), classed(1, 0, "false")))
    good("the last class", (speak("class", 999, 1, 1), classed(0, 999)))
    good("a class, no threshold", (speak("class", None, 1, 0), classed(0, 1, "false")))
    good("a threshold between classes", (speak("class", 0.5, 1, 1), classed(0)))
    good("a text", (speak("text", None, 1, 0), silent(0)))
    good("a text, a threshold that says nothing", (speak("text", 0.5, 1, 0), silent(0)))
    for says in ("probability", "number", "class", "text"):
        rows = [silent(0, "error"), silent(1, "unfit")]
        good(f"no verdict: {says}", (speak(says, None, 2, 0, 1), *rows))
    rows = [yes, silent(1, "error"), sealed(2, "0.4", "false"), silent(3, "unfit")]
    mixed = (speak("number", 0.5, 4, 1, 1, outside=2, delayed=1), *rows)
    good("scores and none", mixed)
    good("our scores before and behind", (score(0.5, 1, 1), yes),
         (speak("class", 1, 1, 1), classed(1)), (score(0.5, 1, 1), sealed(2)))  # fmt: skip
    good("no records", (speak("text", None, 0, 0),))
    good("every form in another event", (event("x"), classed(0), silent(1), sealed(2)))
    good("open rows", (speak("probability", 0.5, 1, 1), opened(0)), mode="open")
    head = speak("class", 1, 1, 1).replace(b'"says"', b'"s\\u0061ys"')
    good("an escaped key", (head, classed(0)))

    for name, line in {
        "a class below nought": classed(0, -1), "a class of four digits": classed(0, 1000),
        "a class with a point": classed(0, "1.0"), "a class 01": classed(0, "01"),
        "a class as text": classed(0, '"1"'), "a class without a verdict":
        classed(0).replace(b'"anomaly":true,', b""), "another word": silent(0, "nothing"),
        "no word": silent(0, ""), "no verdict, yet one": silent(0).replace(
            b',"seal"', b',"anomaly":false,"seal"'), "a word and a score":
        silent(0).replace(b'"said"', b'"score":0.5,"said"'), "an escaped word":
        silent(0, "t\\u0065xt"), "a class and a score": classed(0).replace(
            b'"class":1', b'"class":1,"score":1'),
    }.items():  # fmt: skip
        bad(name, event("x"), line, rule=3)
    bad("a class in a score event", score(0.5, 1, 1), classed(0))
    bad("a text in a score event", score(0.5, 1, 0), silent(0))
    bad("an error in a score event", score(0.5, 1, 0), silent(0, "error"))
    bad("a score of a model that says classes", speak("class", 0.5, 1, 1), yes)
    bad("a score of a model that says texts", speak("text", 0.5, 1, 1), yes)
    bad("a class of a model that says scores", speak("number", 0.5, 1, 1), classed(0))
    bad("a class of a model that says texts", speak("text", 0.5, 1, 1), classed(0))
    bad("a text of a model that says scores", speak("number", 0.5, 1, 0), silent(0))
    bad("a text of a model that says classes", speak("class", 0.5, 1, 0), silent(0))
    bad("declared: not anomalous at the threshold", speak("number", 0.4, 1, 0), no)
    bad("declared: anomalous below it", speak("number", 0.6, 1, 1), yes)
    bad("a class below the threshold", speak("class", 2, 1, 1), classed(0))
    bad("a class at the threshold", speak("class", 1, 1, 0), classed(0, 1, "false"))
    bad("anomalous without a threshold", speak("number", None, 1, 1), yes)
    bad("a class that is anomalous without one", speak("class", None, 1, 1), classed(0))
    bad("declared: one anomaly too many", speak("number", 0.5, 1, 2), yes)
    bad("declared: one row too many", speak("number", 0.5, 2, 1), yes)
    bad("one error too many", speak("number", 0.5, 1, 1, 1), yes)
    bad("one error too few", speak("number", 0.5, 1, 0, 0), silent(0, "error"))
    bad("unfit is no error", speak("number", 0.5, 1, 0, 1), silent(0, "unfit"))
    bad("declared: open rows in a sealed ledger", speak("number", 0.5, 1, 1), opened(0))
    changes: dict[str, object] = {
        "no batch": {"batch": ...}, "no model": {"model": ...}, "no says": {"says": ...},
        "says score": {"says": "score"}, "says null": {"says": None},
        "says a list": {"says": ["text"]},
        "no threshold": {"threshold": ...}, "threshold as text": {"threshold": "0.5"},
        "threshold false": {"threshold": False}, "no errors": {"errors": ...},
        "errors null": {"errors": None}, "errors false": {"errors": False},
        "errors 0.0": {"errors": 0.0}, "no anomalies": {"anomalies": ...},
        "batch in upper case": {"batch": "BA" * 16}, "a short model": {"model": "0d" * 31},
    }  # fmt: skip
    for name, change in changes.items():
        bad(f"a verdict event with {name}", speak("number", 0.5, 0, 0, 0, **change))
    for name, change in {
        "another digest": {"model": "0d" * 32}, "no digest": {"model": ...},
        "a digest in upper case": {"model": sha256(b'{"name":"m"}').hex().upper()},
        "no reason": {"reason": ...}, "a reason that is no text": {"reason": 1},
    }.items():  # fmt: skip
        bad(f"a declaration with {name}", declare(**change))
    bad("a declaration that is no text", declare({"name": "m"}))
    bad("no declaration", declare(declaration=...))
    latin = "\u00e9"
    for name, digest in {"UTF-8": latin.encode(), "Latin-1": latin.encode("latin-1")}.items():
        bad(f"a declaration beyond ASCII, {name}", declare(latin, model=sha256(digest).hex()))


def torn_cases(cases: Cases) -> None:
    whole = small()
    cases.add("no bytes at all", "torn", b"", None)
    for name, size in {"one byte": 1, "half a genesis line": 40, "no LF yet": -1}.items():
        cases.add(f"torn genesis: {name}", "torn", Forge().data[:size], None)
    cases.add("torn: the genesis line alone", "torn", Forge().data.split(b"\n")[0] + b"\n", None)
    begun = score(0.5, 3, 2) + b"\n" + sealed(3) + b"\n"
    cases.add("torn: one stray byte", "torn", whole.data + b"\x00", whole)
    cases.add("torn: bytes that are not text", "torn", whole.data + b'{"event":\xff\xfe', whole)
    cases.add("torn: event and record", "torn", whole.data + begun, whole)
    cases.add("torn: half a record", "torn", whole.data + begun + b'{"rec\x80', whole)
    cases.add("torn: record of no grammar", "torn", whole.data + begun + b'{"record":?\n', whole)
    cases.add("torn: event of no grammar", "torn", whole.data + b'{"event":?\n', whole)
    cases.add("torn: a genesis event", "torn", whole.data + genesis() + b"\n", whole)
    cases.add("torn: a space", "torn", whole.data + b" ", whole)
    cases.add("torn: half the begin of a block line", "torn", whole.data + begun + b'{"bl', whole)
    cases.add("torn: begun block line with no event", "torn", whole.data + b'{"block":', whole)
    cases.add("torn: CR at the end", "torn", whole.data + begun + sealed(4) + b"\r", whole)
    start = b'{"event":"genesis",'
    cases.add("torn genesis: no more than its begin", "torn", start, None)
    cases.add("torn genesis: bytes that are not text", "torn", start + b"\x00\xff", None)
    cases.add("torn genesis: a line of no grammar", "torn", start + b"?\n", None)
    cases.add("torn genesis: a record behind it", "torn", genesis() + b"\n" + sealed(0), None)
    cases.add("torn: block line without LF", "torn", whole.data[:-1], Forge(genesis()))


def bad_cases(cases: Cases) -> None:
    def tampered(name: str, data: bytes, sound: Forge | None) -> None:
        cases.add(name, "tampered", data, sound)

    def bad0(name: str, head: bytes, *records: bytes, **lie: object) -> None:
        tampered(name, Forge(None).add(head, *records, **lie).data, None)

    def bad(name: str, head: bytes, *records: bytes, mode: str = "sealed", **lie: object) -> None:
        sound = Forge(genesis(rows=mode))
        tampered(name, Forge(genesis(rows=mode)).add(head, *records, **lie).data, sound)

    one, first = score(0.5, 1, 1), Forge()
    bad("rule 1: a control character", b'{"event":"x\t"}')
    bad("rule 1: a byte above 0x7e", '{"event":"\u00e9"}'.encode())
    bad("rule 1: delete", b'{"event":"\x7f"}')
    bad("rule 1: CR before LF", b'{"event":"x"}\r')
    tampered("rule 1: byte order mark", b"\xef\xbb\xbf" + first.data, None)

    tampered("rule 2: block 0 is not genesis", Forge(None).add(event("x")).data, None)
    bad("rule 2: a second genesis", genesis())
    bad("rule 2: event is no string", event(1))
    bad("rule 2: event is not the first key", b'{"a":1,"event":"x"}')
    bad("rule 2: no comma", b'{"event":"x""a":1}')
    bad("rule 2: trailing comma", b'{"event":"x",}')
    bad("rule 2: two values", b'{"event":"x"}{}')
    bad("rule 2: NaN", b'{"event":"x","a":NaN}')
    bad("rule 2: Infinity", b'{"event":"x","a":-Infinity}')
    bad("rule 2: leading nought", b'{"event":"x","a":01}')
    bad("rule 2: number without a digit", b'{"event":"x","a":1.}')
    bad("rule 2: unknown escape", b'{"event":"x","a":"\\x41"}')
    bad("rule 2: unclosed", b'{"event":"x","a":[1}')
    bad("rule 2: a key twice", b'{"event":"x","a":1,"a":1}')
    bad("rule 2: a key twice in depth", b'{"event":"x","a":[{"b":{"c":1,"c":2}}]}')
    bad("rule 2: a space at the begin", b' {"event":"x"}')
    bad("rule 2: a space behind the brace", b'{ "event":"x"}')
    bad("rule 2: a space before the colon", b'{"event" :"x"}')
    bad("rule 2: a space in a number", b'{"event":"x","a":1 2}')
    bad("rule 2: a space in a word", b'{"event":"x","a":tr ue}')
    bad("rule 2: lists nested 65 deep", nest(65, "[", "]"))
    bad("rule 2: objects nested 65 deep", nest(65, '{"a":', "}", "1"))
    bad("rule 2: lists and objects nested 65 deep", nest(33, '[{"a":', "}]", "1"))
    bad("rule 2: lists and objects nested 66 deep", nest(33, '[{"a":', "}]", "[]"))
    bad("rule 2: nested 65 deep, no key first", nest(65, "[0,", "]", "0"))
    bad0("rule 2: genesis nested 65 deep", genesis(a=json.loads("[" * 64 + "]" * 64)))
    for depth in (600, 3000):
        bad(f"rule 2: nested {depth} deep", nest(depth, "[", "]"))
    for name, text in numbers(65).items():
        bad(f"rule 2: 65 characters: {name}", put(event("x", a=["?"]), text))
    bad("rule 2: 65 characters: a threshold", put(score("?", 0, 0), "0." + "1" * 63))
    bad("rule 2: a number of 5000 digits", put(event("x", a="?"), "1" * 5000))
    bad("rule 2: the kind twice, once escaped", b'{"event":"x","\\u0065vent":"x"}')
    bad("rule 2: a key twice, once with a stroke", b'{"event":"x","/":1,"\\/":1}')
    bad("rule 2: a second genesis, escaped", genesis().replace(b"genesis", b"gen\\u0065sis"))
    bad("rule 2: a key twice, once escaped", b'{"event":"x","a":1,"\\u0061":1}')
    bad("rule 2: event twice", b'{"event":"x","event":"x"}')
    changes: dict[str, object] = {
        "no format": {"format": ...}, "format 0": {"format": 0}, "format as text": {"format": "1"},
        "format true": {"format": True}, "format 1.5": {"format": 1.5}, "format -1": {"format": -1},
        "no id": {"ledger": ...}, "id in upper case": {"ledger": "AB" * 16},
        "short id": {"ledger": "a" * 31}, "no origin": {"origin": ...}, "origin 1": {"origin": 1},
        "no min_bits": {"min_bits": ...}, "min_bits as text": {"min_bits": "0"},
        "min_bits 0.5": {"min_bits": 0.5}, "min_bits 0.0": {"min_bits": 0.0},
        "min_bits false": {"min_bits": False}, "min_bits null": {"min_bits": None},
        "min_bits -1": {"min_bits": -1}, "min_bits 2^53": {"min_bits": BIG},
        "format 1.0": {"format": 1.0}, "format 2.0": {"format": 2.0}, "format -2": {"format": -2},
        "format 2 as text": {"format": "2"}, "format 2^53": {"format": BIG},
        "format 10^30": {"format": 10**30}, "rows true": {"rows": True},
        "no rows": {"rows": ...}, "rows shut": {"rows": "shut"},
    }  # fmt: skip
    for name, change in changes.items():
        bad0(f"rule 2: genesis with {name}", genesis(**change))
    for key, text in (("min_bits", "-0"), ("min_bits", "0e0"), ("format", "-0"), ("format", "1e0"),
                      ("format", "2e0"), ("format", "20E-1")):  # fmt: skip
        bad0(f"rule 2: genesis with {key} {text}", put(genesis(**{key: "?"}), text))
    escaped = genesis().replace(b"genesis", b"\\u0067enesis")
    bad0("rule 2: genesis, escaped", escaped)
    bad0("rule 2: genesis of a newer format, escaped", escaped.replace(b":1,", b":2,", 1))
    bad0("rule 2: genesis behind a space", genesis().replace(b":", b": ", 1))
    bad0("rule 2: a space before the first comma", genesis().replace(b",", b" ,", 1))
    bad0("rule 2: genesis without keys", event("genesis"))
    bad0("rule 2: another kind with format 2", event("x", format=2))
    bad0("rule 2: newer, but a key twice", genesis(format=2)[:-1] + b',"a":1,"a":1}')
    bad0("rule 2: newer, but 65 deep", genesis(format=2, a=json.loads("[" * 64 + "]" * 64)))
    bad0("rule 2: newer, but 65 characters", genesis(format=2, a=10**64))
    bad0("rule 1: newer, but DEL", genesis(format=2), b"\x7f")
    tampered("rule 2: a block line alone", first.data + first.data.split(b"\n")[1] + b"\n", first)
    bad("rule 2: a record first", sealed(0))

    bad("rule 3: an event among the records", event("x"), event("x"))
    bad("rule 3: an empty line", event("x"), b"")
    bad("rule 3: exponent in a score", one, sealed(0, "5e-1"))
    bad("rule 3: seven places", one, sealed(0, "0.5000000"))
    bad("rule 3: ten digits", one, sealed(0, "1000000000"))
    bad("rule 3: no digit before the point", one, sealed(0, ".5"))
    bad("rule 3: no digit after the point", one, sealed(0, "1."))
    bad("rule 3: plus sign", one, sealed(0, "+1"))
    bad("rule 3: leading nought in a score", one, sealed(0, "01"))
    bad("rule 3: leading nought in a number", one, sealed("00"))
    bad("rule 3: score as text", one, sealed(0, '"0.5"'))
    bad("rule 3: anomaly as a number", one, sealed(0, "0.5", "1"))
    bad("rule 3: seal in upper case", one, sealed(0).replace(b"5e", b"5E"))
    bad("rule 3: short seal", one, sealed(0).replace(b'e"}', b'"}'))
    bad("rule 3: a further key", one, sealed(0)[:-1] + b',"a":1}')
    swapped = b'"anomaly":true,"score":0.5,'
    swapped = sealed(0).replace(b'"score":0.5,"anomaly":true,', swapped)
    bad("rule 3: keys out of order", one, swapped)
    bad("rule 3: a space between tokens", one, sealed(0).replace(b":0,", b": 0,"))
    rows = {
        "a cell that is a number": '{"a":1}', "a cell that is an object": '{"a":{}}',
        "a cell twice": '{"a":"1","a":"1"}', "a cell twice, once escaped": '{"a":"","\\u0061":""}',
        "a row that is a list": '["a"]', "a cell null": '{"a":null}',
        "a space behind a row": '{"a":"1"} ', "a space before a row": ' {"a":"1"}',
        "an unclosed cell": '{"a":"1}', "a row and more": '{"a":"1"},"b":{}',
    }  # fmt: skip
    for name, row in rows.items():
        bad(f"rule 3: {name}", one, opened(0, row=row), mode="open")

    x = event("x")
    bad("rule 4: leading nought", x, edit=lambda line: line.replace(b'"bits":0', b'"bits":00'))
    bad("rule 4: upper case", x, edit=lambda line: line[:-67] + line[-67:].upper())
    bad("rule 4: a space", x, edit=lambda line: line.replace(b",", b", ", 1))
    bad("rule 4: a further key", x, edit=lambda line: line[:-1] + b',"a":1}')
    bad("rule 4: short hash", x, edit=lambda line: line[:-3] + line[-2:])
    bad("rule 4: a minus sign", x, edit=lambda line: line.replace(b'"count":', b'"count":-'))
    bad("rule 4: a point", x, edit=lambda line: line.replace(b'"count":0', b'"count":0.0'))
    was, swapped = b'"first":0,"count":0', b'"count":0,"first":0'
    bad("rule 4: keys out of order", x, edit=lambda line: line.replace(was, swapped))
    bad("rule 4: a number that is text", x, edit=lambda line: line.replace(b":1,", b':"1",', 1))
    bad("rule 4: nonce of 2^53", x, nonce=BIG)
    bad("rule 4: time of 2^53", x, time=BIG)
    bad("rule 4: 256 bits", x, bits=256, work=0)

    bad("rule 5: a height left out", x, block=2)
    bad("rule 5: another block before", x, prev="11" * 32)
    bad0("rule 5: a block before block 0", genesis(), prev="11" * 32)
    bad("rule 5: first too high", x, first=1)
    bad("rule 5: count too high", x, count=1)
    bad("rule 5: count too low", x, sealed(0), count=0)
    bad0("rule 5: a record in block 0", genesis(), sealed(0))
    bad("rule 5: time runs backwards", x, time=1)
    bad("rule 5: a gap in the record numbers", x, sealed(0), sealed(2))
    bad("rule 5: record numbers swapped", x, sealed(1), sealed(0))
    bad("rule 5: a record number twice", x, sealed(0), sealed(0))
    bad("rule 5: record numbers begin at 1", x, sealed(1))

    bad("rule 6: another root", x, root="11" * 32)
    bad("rule 6: another hash", x, edit=lambda line: line[:-66] + b"11" * 32 + b'"}')

    bad("rule 7: work that was not done", x, bits=200, work=0, nonce=0)
    floor = Forge(bits=4)
    tampered("rule 7: bits below min_bits", Forge(bits=4).add(x, bits=3).data, floor)
    bad0("rule 7: min_bits that no block can have", genesis(min_bits=BIG - 1))
    bad0("rule 7: min_bits 1", genesis(min_bits=1))

    bad("rule 8: one anomaly too many", score(0.5, 1, 2), sealed(0))
    bad("rule 8: one anomaly too few", score(0.5, 1, 0), sealed(0))
    bad("rule 8: one row too many", score(0.5, 2, 1), sealed(0))
    bad("rule 8: not anomalous at the threshold", score(0.5, 1, 0), sealed(0, "0.5", "false"))
    bad("rule 8: anomalous below the threshold", score(0.5, 1, 1), sealed(0, "0.499999"))
    near = put(score("?", 1, 0), "0.1000000000000000000000000000000000001")
    bad("rule 8: binary64 rounds the threshold to the score", near, sealed(0, "0.1", "false"))
    bad("rule 8: the threshold next to the score", score(0.1 + 0.2, 1, 1), sealed(0, "0.3"))
    for text in ("-0", "1e-400", "-1E-400", "0e+99"):
        bad(f"rule 8: {text} is nought", put(score("?", 1, 0), text), sealed(0, "0", "false"))
        bad(f"rule 8: {text} is not less", put(score("?", 1, 1), text), sealed(0, "-0.000001"))
    bad("rule 8: 1e400 is more", put(score("?", 1, 1), "1e400"), sealed(0, "999999999.999999"))
    bad("rule 8: -1e400 is less", put(score("?", 1, 0), "-1e400"), sealed(0, "0", "false"))
    bad("rule 8: open row in a sealed ledger", one, opened(0))
    bad("rule 8: sealed row in an open ledger", one, sealed(0), mode="open")
    for key in ("batch", "model", "threshold", "rows", "anomalies"):
        bad(f"rule 8: no {key}", score(0.5, 1, 1, **{key: ...}), sealed(0))
    bad("rule 8: batch in upper case", score(0.5, 1, 1, batch="AB" * 16), sealed(0))
    bad("rule 8: short batch", score(0.5, 1, 1, batch="a" * 31), sealed(0))
    bad("rule 8: short model", score(0.5, 1, 1, model="a" * 63), sealed(0))
    bad("rule 8: threshold as text", score("0.5", 1, 1), sealed(0))
    bad("rule 8: threshold null", score(None, 1, 1), sealed(0))
    bad("rule 8: rows as text", score(0.5, "1", 1), sealed(0))
    bad("rule 8: rows true", score(0.5, True, 1), sealed(0))
    bad("rule 8: anomalies true", score(0.5, 1, True), sealed(0))
    bad("rule 8: anomalies false", score(0.5, 0, False))
    bad("rule 8: rows null", score(0.5, None, 0))
    for text in ("1.0", "1e0", "10E-1"):
        bad(f"rule 8: rows {text}", put(score(0.5, "?", 1), text), sealed(0))
        bad(f"rule 8: anomalies {text}", put(score(0.5, 1, "?"), text), sealed(0))
    for text in ("-0", "0.0"):
        bad(f"rule 8: rows {text}", put(score(0.5, "?", 0), text))
        bad(f"rule 8: anomalies {text}", put(score(0.5, 0, "?"), text))
    bad("rule 8: threshold true", score(True, 1, 0), sealed(0, "0.5", "false"))
    bad("rule 8: threshold in a list", score([0.5], 1, 1), sealed(0))
    escaped = score(0.5, 1, 2).replace(b'"score"', b'"\\u0073core"')
    bad("rule 8: an escaped kind", escaped, sealed(0))

    whole, begun = small(), score(0.5, 3, 2) + b"\n"
    tampered("rule 9: a line of nonsense", whole.data + b"x\n", whole)
    tampered("rule 9: an empty line", whole.data + b"\n", whole)
    tampered("rule 9: an empty line before an event", whole.data + b"\n" + begun, whole)
    tampered("rule 9: an empty line behind an event", whole.data + begun + b"\n", whole)
    tampered("rule 9: a space before an event", whole.data + b" " + begun, whole)
    tampered("rule 9: a space in the begin", whole.data + b'{"event" :"x"}\n', whole)
    tampered("rule 9: CR", whole.data + begun[:-1] + b"\r\n", whole)
    tampered("rule 9: half a block line is no record", whole.data + begun + b'{"bloc\n', whole)
    tampered("rule 9: an empty line and more", whole.data + b"\nx", whole)
    tampered("rule 9: a record first", whole.data + sealed(3) + b"\n", whole)
    tampered("rule 9: two events", whole.data + begun + begun, whole)
    tampered("rule 9: not text", whole.data + begun + b'{"record":\xff\n', whole)
    tampered("rule 9: no ledger from its first byte", b"hello", None)
    tampered("rule 9: another event first", b'{"event":"score"', None)
    tampered("rule 9: a line feed alone", b"\n", None)
    tampered("rule 9: a line feed before genesis", b"\n" + genesis(), None)
    tampered("rule 9: a space in the genesis event", b'{"event": "gen', None)
    tampered("rule 9: genesis, escaped", b'{"event":"\\u0067enesis",', None)
    tampered("rule 9: genesis without keys", b'{"event":"genesis"}', None)
    tampered("rule 9: a block line and no event", b'{"block":', None)

    record = whole.data.replace(b'"score":0.1', b'"score":0.2')
    tampered("a score rewritten in place", record, Forge(genesis()))
    lines = whole.data.splitlines(keepends=True)
    tampered("a record taken out", b"".join(lines[:3] + lines[4:]), Forge(genesis()))
    exchanged = [*lines[:3], lines[4], lines[3], *lines[5:]]
    tampered("two records swapped", b"".join(exchanged), Forge(genesis()))
    tampered("a block twice", whole.data + b"".join(lines[2:]), whole)


def newer_cases(cases: Cases) -> None:
    def newer(name: str, head: bytes, *records: bytes, **lie: object) -> None:
        cases.add(name, "newer", Forge(None).add(head, *records, **lie).data, None)

    for number in (2, 10, BIG - 1):
        newer(f"format {number}", genesis(format=number))
    newer("newer: only the format is there", event("genesis", format=2))
    newer("newer: the format comes last", event("genesis", rows=1, min_bits=-1, format=2))
    newer("newer: spaces", b'{"event":"genesis", "format" : 2 }')
    newer("newer: keys of another grammar", genesis(format=2, ledger=1, min_bits="?", rows=None))
    newer("newer: lines of another grammar", genesis(format=2), b"?", b"", b'{"event":"x"}')
    newer("newer: another root", genesis(format=2), root="11" * 32)
    newer("newer: a block line of another grammar", genesis(format=2), edit=lambda _: b'{"block":?')
    newer("newer: 64 deep", genesis(format=2, a=json.loads("[" * 63 + "]" * 63)))
    cases.add("newer wins over what follows", "newer", Forge(genesis(format=2)).data + b"x\n", None)
    cases.add("newer and torn", "torn", Forge(genesis(format=2)).data[:-1], None)


def worked_example() -> dict[str, object]:
    """Every value of section 11, worked out step by step."""
    lines = (VECTORS / "example.jsonl").read_bytes().splitlines()
    sealed_lines = (VECTORS / "example.sealed.jsonl").read_bytes().splitlines()
    leaves = [sha256(b"\x00" + line) for line in lines[2:5]]
    header = json.loads(lines[5])
    packed = b"\x00MC1"
    packed += b"".join(header[key].to_bytes(8, "big") for key in ("block", "first", "count"))
    packed += header["bits"].to_bytes(4, "big") + bytes.fromhex(header["prev"]) + root_of(leaves)
    packed += header["time"].to_bytes(8, "big") + header["nonce"].to_bytes(8, "big")
    blocks = [bytes.fromhex(json.loads(lines[i])["hash"]) for i in (1, 5, 8)]
    return {
        "file": "example.jsonl",
        "sealed_line": sealed_lines[0].decode(),
        "seals": [hashlib.sha256(line).hexdigest() for line in sealed_lines],
        "block_1_leaves": [leaf.hex() for leaf in leaves],
        "block_1_node_0_1": root_of(leaves[:2]).hex(),
        "block_1_root": root_of(leaves).hex(),
        "block_1_header": packed.hex(),
        "block_1_hash": sha256(packed).hex(),
        "block_hashes": [block.hex() for block in blocks],
        "root": root_of(blocks).hex(),
    }


def build() -> str:
    cases = Cases()
    for part in (sound_cases, declared_cases, torn_cases, bad_cases, newer_cases):
        part(cases)
    names = [case["name"] for case in cases.list]
    assert len(set(names)) == len(names)
    note = (
        "Known answers for docs/format.md: what a verifier must say of each ledger. blocks, records"
        " and root are those of the blocks before the first that is bad, or before the tail."
    )
    document = {"note": note, "format": 1, "example": worked_example(), "cases": cases.list}
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    (VECTORS / "format-1.json").write_text(build(), encoding="ascii")
