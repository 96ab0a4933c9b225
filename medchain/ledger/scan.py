"""Verify at the speed of the C core, on all cores, with the verdicts of `judge`.

`medchain_scan` (csrc/scan.c) accepts blocks of the usual form that hold, and stops before any
other; `judge` decides about that one, and the scan goes on behind it. So each finding is worded in
one place, and the C core answers for nothing but what it accepts.

The stream is cut into windows that end behind a block line. Each is scanned on a thread, from the
head that the block line before it claims, while the next ones are read. The windows are settled in
order, and what came of a scan counts only where its head was indeed the head.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Event as Signal
from threading import Thread
from typing import IO, Any

from . import core, merkle
from .block import Header, parse_line
from .judge import SCORED, judge
from .lines import BLOCK, Event
from .pow import cores
from .reader import CHUNK, MAX_BLOCK, OversizedBlock, RawBlock, Source, find_block_line
from .verify import Course, Point, Run, Stretch, Walk, stretch

CHUNKS = 4
"""Of how many chunks a window is."""

_MOST_THREADS = 4
"""Each has a window of some MB, and all share one thread that reads (docs/limits.md)."""

_LEAST_BLOCK = 448
"""No block that the C core accepts is of fewer bytes."""

_RUNS = 1024
"""For how many runs of one batch a window has room; behind them `judge` takes over for a block."""

Head = tuple[Header, bytes]


class Scan(Course):
    """Iterate over `stream` in stretches of verified blocks, up to its torn tail.

    `chunk` bytes are read at a time, and `chunks` of them make a window; `threads` scan them, by
    default as many as there are cores, up to four.
    """

    def __init__(
        self,
        stream: IO[bytes],
        since: Point | None = None,
        *,
        threads: int | None = None,
        chunk: int = CHUNK,
        chunks: int = CHUNKS,
    ) -> None:
        self._stream = stream
        self._since, self._threads = since, threads
        self._begun = False
        self._windows = _Windows(stream, chunk, chunks)
        super().__init__(self._windows, since)

    def __iter__(self) -> Iterator[Stretch]:
        if core.chosen(core.HASHING) == core.PYTHON:
            yield from self._walk()
            return
        try:
            for window in self._scanned():
                yield from self._settle(window)
                del window  # before the next one is read: either may be large
            self._end()
        except OversizedBlock:
            self._fail_oversized()

    def _walk(self) -> Iterator[Stretch]:
        walk = Walk(self._stream, self._since)
        self.tree = walk.tree
        for block in walk:
            self.genesis, self.head = walk.genesis, walk.head
            yield stretch(block)
        self.tail, self.tail_note = walk.tail, walk.tail_note

    def _scanned(self) -> Iterator[_Window]:
        """The windows in order. The first is settled before any other is scanned: it has block 0.

        It has room for another chunk, so that of a small ledger the end is seen.
        """
        window = self._windows.read(_Window(2 * self._windows.chunk))
        if window:
            yield window
        threads = self._threads or min(cores(), _MOST_THREADS)
        if threads == 1 or self._windows.ended:
            while window := self._windows.read(window):
                yield window
            return
        with _Team(threads) as team:
            free = self._fresh(threads)
            waiting: deque[_Window] = deque()
            while True:
                # Behind a window that has grown none is read before that one is settled.
                while free and not (waiting and self._windows.enlarged(waiting[-1])):
                    if not (window := self._windows.read(free.pop())):
                        break
                    team.scan(window, self.genesis)
                    waiting.append(window)
                if not waiting:
                    return
                window = waiting.popleft()
                window.done.wait()
                if not self._windows.enlarged(window):
                    yield window
                    free.append(window)
                    continue
                free.clear()  # the judge of a large block needs the memory of all others
                yield window
                window = None
                free = self._fresh(threads)

    def _fresh(self, threads: int) -> list[_Window]:
        return [_Window(self._windows.size) for _ in range(threads + 2)]

    def _settle(self, window: _Window) -> Iterator[Stretch]:
        """Take what the scan of a window accepted; judge the block behind that, and scan on."""
        start = 0
        # The first block that is read is a stretch of its own: block 0, or that behind a point.
        if self._begun and window.scanned_from != self.head:
            window.scan(start, self.head, self.genesis)
        self._begun = True
        while start < window.end:
            if window.accepted:
                yield self._accepted(window, start)
                start += window.accepted
            if start < window.end:
                raw = window.raw_block(start, self._windows)
                block = self._judge(raw)
                self._windows.line, self._windows.offset = raw.last_line + 1, raw.end
                yield stretch(block)
                start += block.size
                window.scan(start, self.head, self.genesis)

    def _accepted(self, window: _Window, start: int) -> Stretch:
        state, end = window.state, start + window.accepted
        hashes = bytes(window.hashes[: merkle.SIZE * state.blocks])
        self.head = window.last if end == window.end else parse_line(window.last_line(start, end))
        self.tree.extend(hashes)
        self._windows.line += state.lines
        self._windows.offset += window.accepted
        return Stretch(
            height=state.height - state.blocks,
            hashes=hashes,
            end=self._windows.offset,
            records=state.records,
            anomalies=state.anomalies,
            time=state.time,
            runs=window.runs(),
        )


class _Window:
    """A buffer with whole blocks up to `end`, and what `medchain_scan` says of them.

    `claimed` and `last` are the heads that the block line before them and their last one claim,
    and `scanned_from` is the head that they were scanned from, ``None`` where they were not.
    """

    def __init__(self, size: int) -> None:
        rooms = size // _LEAST_BLOCK + 1
        self.size, self.end, self.accepted = size, 0, 0
        self.buffer = bytearray(size)
        self.view = memoryview(self.buffer)
        self.hashes = bytearray(merkle.SIZE * rooms)
        self.claimed: Head | None = None
        self.last: Head | None = None
        self.scanned_from: Head | None = None
        self.done = Signal()
        self._data = core.ffi.from_buffer("uint8_t[]", self.buffer)
        self._runs = core.ffi.new("struct medchain_run[]", _RUNS)
        self.state = core.ffi.new("struct medchain_scan *")
        self.state.hash_room, self.state.run_room = rooms, _RUNS
        self.state.runs = self._runs
        self._hashes = core.ffi.from_buffer("uint8_t[]", self.hashes)
        self.state.hashes = self._hashes

    def filled(self, end: int, claimed: Head | None) -> _Window:
        """This window, which now has whole blocks up to `end`."""
        self.end, self.claimed, self.last = end, claimed, _claimed(self.last_line(0, end))
        self.accepted, self.scanned_from = 0, None
        self.done.clear()
        return self

    def grown(self, size: int) -> _Window:
        """A larger window with the first `size` bytes of this one."""
        window = _Window(2 * self.size)
        window.view[:size] = self.view[:size]
        return window

    def scan(self, start: int, head: Head | None, genesis: Event) -> None:
        """Let the C core accept what it does from `start` on, behind `head`."""
        self.accepted = 0
        if head is None:
            return
        header, block_hash = head
        state = self.state
        state.height, state.first = header.block + 1, header.first + header.count
        state.time, state.prev = header.time, block_hash
        state.min_bits, state.sealed = genesis["min_bits"], genesis["rows"] == "sealed"
        core.scan(core.chosen(core.HASHING), self._data, start, self.end, state)
        self.accepted, self.scanned_from = state.size, head

    def runs(self) -> tuple[Run, ...]:
        """The runs of the accepted blocks."""
        return tuple(
            Run(
                _text(run.batch),
                _text(run.model),
                run.bits,
                run.blocks,
                run.records,
                SCORED[run.declared],
            )
            for run in self._runs[0 : self.state.run_count]
        )

    def raw_block(self, start: int, at: Source) -> RawBlock:
        """The block that begins at `start`. Raises `OversizedBlock`."""
        begin, _ = find_block_line(self.buffer, start, start)
        end = self.buffer.index(b"\n", begin)
        if end + 1 - start > MAX_BLOCK:
            raise OversizedBlock
        body, block_line = bytes(self.view[start:begin]), bytes(self.view[begin:end])
        return RawBlock(body, block_line, at.line, at.offset)

    def last_line(self, start: int, end: int) -> bytes:
        """The line, without its LF, that ends at `end` and begins no earlier than at `start`."""
        return bytes(self.view[self.buffer.rfind(b"\n", start, end - 1) + 1 : end - 1])


class Rules:
    """Holds a block that is about to be appended to the rules that its readers will hold it to."""

    def __init__(self) -> None:
        self._window: _Window | None = None

    def check(self, block: bytes, head: Head | None, genesis: Event) -> None:
        """Raise `BadBlock` unless the bytes of `block`, block line included, hold behind `head`."""
        size = len(block)
        if head and core.chosen(core.HASHING) != core.PYTHON:
            window = self._window
            if window is None or window.size < size:
                window = self._window = _Window(2 * size)
            window.view[:size] = block
            window.filled(size, None).scan(0, head, genesis)
            if window.accepted == size:
                return
        begin = block.rfind(b"\n", 0, size - 1) + 1
        judge(RawBlock(block[:begin], block[begin:-1], 1, 0), head, genesis)


class _Windows(Source):
    """Cut a stream into windows."""

    def __init__(self, stream: IO[bytes], chunk: int, chunks: int) -> None:
        super().__init__(stream)
        self.chunk = chunk
        self.size = chunk * chunks + chunk // 4
        self.ended = False
        self._rest = b""
        self._claimed: Head | None = None

    @property
    def tail(self) -> bytes:
        """What follows the last window. Raises `OversizedBlock`."""
        if len(self._rest) > MAX_BLOCK:
            raise OversizedBlock
        return self._rest

    def enlarged(self, window: _Window) -> bool:
        """Whether this window has grown, for a block that did not fit into one of usual size."""
        return window.size > self.size

    def read(self, window: _Window | None) -> _Window | None:
        """Fill a window, this one or a larger one in its place; ``None`` where no block is left."""
        if self.ended or window is None:
            return None
        size, end = len(self._rest), 0
        while window.size < size:
            window = window.grown(0)
        window.view[:size] = self._rest
        while not end and not self.ended:
            if window.size - size < self.chunk:
                window = window.grown(size)
            size = self._fill(window, size)
            end = _behind_last_block_line(window.buffer, size)
            self.ended |= not end and size > MAX_BLOCK
        self._rest = bytes(window.view[end:size])
        if not end:
            return None
        window = window.filled(end, self._claimed)
        self._claimed = window.last
        return window

    def _fill(self, window: _Window, size: int) -> int:
        """Read chunks as long as there is room for a whole one; returns where the bytes end.

        Of a window that has grown, one chunk: its block may end in any of them.
        """
        end = min(window.size, max(self.size, size + self.chunk))
        while end - size >= self.chunk and not self.ended:
            read = 0
            with self._noting_damage():
                read = self._stream.readinto1(window.view[size : size + self.chunk])  # type: ignore[attr-defined]
            self.ended = not read
            size += read
        return size


class _Team:
    """Threads that scan windows; a context manager that ends with the last of them."""

    def __init__(self, threads: int) -> None:
        self._queue: SimpleQueue[tuple[_Window, Event] | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(threads)]

    def __enter__(self) -> _Team:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def scan(self, window: _Window, genesis: Event) -> None:
        """Have `window` scanned from the head that is claimed before it; then it is `done`."""
        self._queue.put((window, genesis))

    def _work(self) -> None:
        while task := self._queue.get():
            window, genesis = task
            try:
                window.scan(0, window.claimed, genesis)
            finally:
                window.done.set()


def _behind_last_block_line(buffer: bytearray, size: int) -> int:
    """Where the last complete block line of the first `size` bytes ends; 0 if there is none."""
    begin = size
    while (begin := buffer.rfind(b"\n" + BLOCK, 0, begin)) >= 0:
        end = buffer.find(b"\n", begin + 1, size)
        if end >= 0:
            return end + 1
    return buffer.find(b"\n", 0, size) + 1 if buffer.startswith(BLOCK, 0, size) else 0


def _text(characters: Any) -> str:
    return str(core.ffi.unpack(characters, len(characters)).decode())


def _claimed(line: bytes) -> Head | None:
    try:
        return parse_line(line)
    except ValueError:
        return None
