"""The only writer to disk: append, atomic replace, lock, each durable before it returns.

Every write ends in ``fsync``; a file that is new also has its folder synced, because on POSIX a
file's name belongs to its folder (fsync(2), NOTES).
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from .errors import LedgerLocked, NotDurable, UsageError


@contextmanager
def durable(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` while writing `path` into one sentence with a way out."""
    try:
        yield
    except OSError as error:
        raise NotDurable(f"cannot write {path}: {_reason(error)}", hint=_way_out(error)) from error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    # On macOS, fsync(2) leaves the data in the cache of the drive, as its page says.
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of `data`, however many calls the system takes for it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_at(file: BinaryIO, data: bytes, offset: int) -> None:
    """Write `data` at `offset`, wherever another process that shares the file writes."""
    while data:
        written = os.pwrite(file.fileno(), data, offset)
        data, offset = data[written:], offset + written


def replace(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` at `path` in one step: a reader sees the old file or the new, never half."""
    with replacing(path, mode=mode) as file:
        file.write(data)


@contextmanager
def replacing(
    path: Path, *, mode: int = 0o644, place: Callable[[str, Path], None] | None = None
) -> Iterator[BinaryIO]:
    """Yield a file to write to, which takes the name `path` when the block ends well, else goes."""
    import tempfile

    with durable(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fchmod(file.fileno(), mode)
                _sync(file.fileno())
            (place or os.replace)(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        sync_folder(path.parent)


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Put `data` at `path` in one step, durably; raises `UsageError` where there is a file."""
    with replacing(path, mode=mode, place=_link) as file:
        file.write(data)


@contextmanager
def locked(folders: Iterable[Path]) -> Iterator[None]:
    """Hold each of `folders` alone; raises `LedgerLocked` where another process holds one."""
    with ExitStack() as stack:
        for folder in sorted({folder.resolve() for folder in folders}):
            with durable(folder):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            stack.callback(os.close, descriptor)
            _lock(descriptor, folder)
        yield


def create(path: Path, *, mode: int) -> None:
    """Make an empty file with `mode` from its first moment, unless there is one already."""
    with durable(path), suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode))
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make the folder `path` and its parents, unless they are there."""
    with durable(path):
        path.mkdir(parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Remove the file `path` if it is there, durably."""
    with durable(path), suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def supersede(path: Path, new: Path, old: Path) -> None:
    """Put `new` in the place of `path` in one step, and destroy what stood there before.

    What stood there is overwritten. Until it is, it bears the name `old`, where the file system
    knows hard links, so that `shred` can complete this after a crash.
    """
    with durable(path):
        descriptor = os.open(path, os.O_WRONLY)
        try:
            with suppress(OSError):
                os.link(path, old)
            os.replace(new, path)
            sync_folder(path.parent)
            _overwrite(descriptor)
        finally:
            os.close(descriptor)
    remove(old)


def shred(path: Path) -> None:
    """Overwrite the file `path` and remove it, durably, if it is there."""
    with durable(path), suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_WRONLY)
        try:
            _overwrite(descriptor)
        finally:
            os.close(descriptor)
    remove(path)


def _overwrite(descriptor: int) -> None:
    # A file of two names is also someone else's: the one that was to be superseded, or a backup.
    if os.fstat(descriptor).st_nlink > 1:
        return
    rest = os.fstat(descriptor).st_size
    while rest:
        rest -= os.write(descriptor, bytes(min(rest, 1 << 20)))
    _sync(descriptor)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside `folder`, which takes that name when the block ends well.

    A folder that stood there before is replaced as a whole.
    """
    import shutil
    import tempfile

    make_folder(folder.parent)
    with durable(folder):
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            yield fresh
            fresh.chmod(0o755)
            for file in fresh.iterdir():
                _sync_file(file)
            sync_folder(fresh)
            _swap(fresh, folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        sync_folder(folder.parent)


def spool(stream: IO[bytes], folder: Path | None = None) -> BinaryIO:
    """Copy `stream` into a file without a name, which vanishes with its last descriptor."""
    import shutil
    import tempfile

    with durable(Path(folder or tempfile.gettempdir())):
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        shutil.copyfileobj(stream, file, 1 << 20)
        file.seek(0)
        return file


def scratch() -> BinaryIO:
    """A file without a name for what a run needs only while it lasts."""
    import tempfile

    return tempfile.TemporaryFile()


class AppendFile:
    """A file held open and locked for appending by one process.

    ``append`` either makes all of its bytes durable or leaves the file as long as it was. The lock
    is ``flock`` on the file itself, so nothing else is left in the folder and a killed process
    leaves no lock behind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def __enter__(self) -> AppendFile:
        with durable(self.path):
            self._descriptor = _open_locked(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            if self.size == 0:
                self.path.unlink()
        os.close(self._descriptor)

    def abandon(self) -> None:
        """Let go of the file in a process that inherited it; whoever opened it keeps the lock."""
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        """The length of the file in bytes."""
        return os.fstat(self._descriptor).st_size

    def reader(self) -> BinaryIO:
        """A buffered reader of the whole file, from its start."""
        return open(self.path, "rb")

    def read(self, offset: int) -> bytes:
        """Every byte from `offset` on."""
        with self.reader() as file:
            file.seek(offset)
            return file.read()

    def append(self, data: bytes) -> None:
        """Add `data` at the end and bring it to disk.

        Raises `NotDurable`; the file then has its former length again.
        """
        before = self.size
        with durable(self.path):
            try:
                write_all(self._descriptor, data)
                _sync(self._descriptor)
                if before == 0:
                    sync_folder(self.path.parent)
            except BaseException:
                os.ftruncate(self._descriptor, before)
                _sync(self._descriptor)
                raise

    def truncate(self, length: int) -> None:
        """Cut the file to `length` bytes, durably."""
        with durable(self.path):
            os.ftruncate(self._descriptor, length)
            _sync(self._descriptor)


def _open_locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            _lock(descriptor, path)
            # The holder before us may have removed an empty file that we had already opened.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _lock(descriptor: int, path: Path) -> None:
    import fcntl  # not everywhere, and readers do without

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise LedgerLocked(
            f"{path} is being written by another process",
            hint="wait until that run has ended, then repeat the command",
        ) from error


def _swap(fresh: Path, folder: Path) -> None:
    import shutil
    import tempfile

    if not folder.exists():
        os.rename(fresh, folder)
        return
    old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    os.rename(folder, old / "old")
    os.rename(fresh, folder)
    shutil.rmtree(old, ignore_errors=True)


def _link(name: str, path: Path) -> None:
    try:
        os.link(name, path)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already, and is not replaced", hint="choose another name"
        ) from None
    os.unlink(name)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        _sync(file.fileno())


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _way_out(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, then repeat the command: it goes on where it stopped"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "choose a folder that you may write to, or ask for the right to write here"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "make the folder first, or correct the path"
    return "look at the state of the disk, then repeat the command: it goes on where it stopped"


def readable(path: Path, what: str) -> Path:
    """Return `path` if it is a file that can be opened, else raise `UsageError`."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not {what}", hint=f"name {what} in it")
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist", hint=f"check the path of {what}") from None
    except OSError as error:
        raise UsageError(f"cannot open {path}: {_reason(error)}") from error
    return path


def discard_output() -> None:
    """Send what is still to be printed nowhere: whoever read it has closed the pipe."""
    # Python flushes both once more at exit; without this it would complain there.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
