"""What travels between processes: functions, classes and tensors, too, as they stand in this process.

Pickle finds functions and classes by name, so those of a script, of a prompt or inside a function cannot travel. Here
cloudpickle sends such a one itself, and a user's file is sent along (`SourceFile`). Tensors and arrays travel as plain
bytes beside the pickle, and those that share memory share it again.

Between machines a thing travels as the bytes of its parcel (`packed`). Whoever reads them must know by whom they were
written: see `deposit`.
"""

import io
import pickle
from collections.abc import Iterator
from multiprocessing.connection import Connection
from operator import attrgetter
from types import FunctionType
from typing import Any

import cloudpickle
import numpy as np
import torch
from torch import Tensor

from untrained.runtime.lookup import SourceFile, file_of

ALIGNED = 64
"""The memory of tensors begins at a multiple of so many bytes: some sums depend on that in their last bit."""


class Parcel:
    """A thing made ready to be sent, any number of times.

    Args:
        thing: What is sent. Its tensors and arrays are not copied: do not change them before it is sent.

    Raises:
        Exception: It cannot be pickled; what exactly is raised depends on the thing.
    """

    def __init__(self, thing: Any) -> None:
        buffers, file = list[pickle.PickleBuffer](), io.BytesIO()
        _Pickler(file, protocol=5, buffer_callback=buffers.append).dump(thing)
        self._buffers = [buffer.raw() for buffer in buffers]
        self._head = pickle.dumps(([len(buffer) for buffer in self._buffers], file.getvalue()))

    def send(self, pipe: Connection) -> None:
        """Writes it to a pipe."""
        pipe.send_bytes(self._head)
        for buffer in self._buffers:
            if len(buffer):
                pipe.send_bytes(buffer)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Its bytes, as `unpacked` reads them: their head's length, the head, the buffers, each of them aligned."""
        yield len(self._head).to_bytes(ALIGNED, "little")
        for piece in (self._head, *self._buffers):
            yield piece
            yield bytes(-len(piece) % ALIGNED)


def packed(thing: Any) -> bytes:
    """The bytes of a thing.

    Raises:
        Exception: It cannot be pickled; what exactly is raised depends on the thing.

    Example:
        >>> unpacked(packed({"a": torch.ones(1)}))
        {'a': tensor([1.])}
    """
    return b"".join(Parcel(thing).pieces())


def unpacked(content: bytes | memoryview) -> Any:
    """Reads what `packed` wrote.

    Args:
        content: From a process of this program. Memory that may be written to, and is aligned, becomes that of the
            thing's tensors; of other memory they are a copy.

    Returns:
        The thing.

    Raises:
        Exception: The thing cannot be made here.
    """
    memory = memoryview(content)
    if memory.readonly:
        room: Any = torch.empty(len(content), dtype=torch.uint8, device="cpu").numpy()
        copied = memoryview(room)
        copied[:] = memory
        memory = copied
    end = ALIGNED + int.from_bytes(memory[:ALIGNED], "little")
    sizes, head = pickle.loads(memory[ALIGNED:end])
    buffers = list[memoryview]()
    for size in sizes:
        start = end + -end % ALIGNED
        end = start + size
        buffers.append(memory[start:end])
    return pickle.loads(head, buffers=buffers)


def receive(pipe: Connection) -> Any:
    """Reads from a pipe what a `Parcel` sent.

    Args:
        pipe: A pipe from a process of this program.

    Returns:
        The thing.

    Raises:
        EOFError: The other end is closed.
        Exception: The thing cannot be made here.
    """
    sizes, head = pickle.loads(pipe.recv_bytes())
    buffers = list[Any]()
    for size in sizes:
        # Torch's memory is aligned as the sender's tensors were: some sums depend on that in their last bit.
        buffer = torch.empty(size, dtype=torch.uint8, device="cpu").numpy()
        if size:
            pipe.recv_bytes_into(buffer)
        buffers.append(buffer)
    return pickle.loads(head, buffers=buffers)


def can_travel(thing: Any) -> bool:
    """Tells whether a small thing can be sent, and made again."""
    try:
        pickle.loads(cloudpickle.dumps(thing))
    except Exception:  # pickling fails in many ways
        return False
    return True


class _Pickler(cloudpickle.Pickler):
    """Pickles as cloudpickle does, but for plain tensors and what comes from a user's file."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._bytes = dict[tuple[int, int], np.ndarray]()  # place of a storage -> its bytes, for all its tensors

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and _is_plain(obj):
            storage = obj.untyped_storage()
            memory = storage.data_ptr(), storage.nbytes()
            if memory not in self._bytes:
                flat = torch.empty(0, dtype=torch.uint8, device="cpu").set_(storage)  # pyright: ignore[reportArgumentType]
                self._bytes[memory] = flat.numpy()
            place = obj.storage_offset(), tuple(obj.shape), obj.stride()
            return _tensor, (self._bytes[memory], obj.dtype, *place)
        if isinstance(obj, type | FunctionType) and (file := file_of(obj)) is not None:
            try:
                if attrgetter(obj.__qualname__)(file.module) is obj:
                    return _from_file, (file, obj.__qualname__)
            except AttributeError:
                pass  # made inside a function: it travels itself
        return super().reducer_override(obj)


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is nothing but numbers in memory."""
    is_dense = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    return is_dense and not (tensor.requires_grad or tensor.is_conj() or tensor.is_neg() or vars(tensor))


def _tensor(
    array: np.ndarray, dtype: torch.dtype, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
) -> Tensor:
    storage = torch.from_numpy(array).untyped_storage()
    return torch.empty(0, dtype=dtype, device="cpu").set_(storage, offset, shape, stride)  # pyright: ignore[reportArgumentType]


def _from_file(file: SourceFile, name: str) -> Any:
    return attrgetter(name)(file.module)
