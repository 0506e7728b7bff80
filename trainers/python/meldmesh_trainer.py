"""Lets any Python program train for a meldmesh node: copy this one file, write `train`, call `run`.

    from meldmesh_trainer import run

    def train(weights, job):            # weights: {"dense_0/kernel": float32 array, ...}
        ...                             # job.steps steps of your own, with any framework
        return weights, loss            # the same names and shapes, and the mean loss

    run(train=train, samples=60000)     # then: meldmesh join ... --trainer "python3 train.py"

The node starts the program, asks it over its standard streams and exchanges weights as safetensors files;
docs/trainers.md of meldmesh describes the protocol. `print` goes to stderr here, which the node logs. An exception
of your code costs this one answer: the node is told, and asks again later. Needs Python 3.8 and NumPy 1.21.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

import numpy as np

__all__ = ["Job", "Mesh", "Tensor", "read_safetensors", "run", "write_safetensors"]

PROTOCOL = 1
#: The node shows progress to people, who read no faster.
PROGRESS_SECONDS = 0.25
#: Questions that came before the node closed the stream get this long to be answered.
GRACE_SECONDS = 0.5
ERROR_CHARACTERS_MAX = 500

Message = Dict[str, Any]
Weights = Dict[str, np.ndarray]
Samples = Tuple[np.ndarray, np.ndarray]


class Tensor(NamedTuple):
    """A tensor of the mesh's model. A kernel is [inputs, units]; torch's Linear.weight is its transpose."""

    name: str
    shape: Tuple[int, ...]


class Mesh:
    """What the node says of its mesh when it starts the trainer."""

    def __init__(self, hello: Mapping[str, Any]) -> None:
        if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
            raise ValueError(f"the node does not speak protocol {PROTOCOL}; copy the trainer file of its version")
        self.hello = dict(hello)
        self.folder: str = hello["folder"]
        self.seed: str = hello["seed"]
        self.tensors = [Tensor(entry["name"], tuple(entry["shape"])) for entry in hello["tensors"]]
        #: {"kind": "dense", "inputs": 784, "layers": [{"units": 10, "activation": "linear"}], "loss": ...}
        self.model: Dict[str, Any] = hello["model"]
        #: {"inputs": 784, "classes": 10, "scale": 255}
        self.data: Dict[str, Any] = hello["data"]
        #: {"learningRate": 0.05, "momentum": 0.9, "batch": 32, "localEpochs": 1}
        self.training: Dict[str, Any] = hello["training"]
        self._read: Dict[str, Samples] = {}

    def samples(self) -> Optional[Samples]:
        """The node's --data: inputs [n, inputs] as float32 divided by the scale, labels [n]; None without it."""
        return self._samples("samplesFile")

    def test(self) -> Optional[Samples]:
        """The node's --test in the same form; None without it."""
        return self._samples("testFile")

    def path(self, name: str) -> str:
        """The path of a file of the node's folder. Refuses anything but a bare name."""
        if name in ("", ".", "..") or any(character in name for character in "/\\\0"):
            raise ValueError(f"{name!r} is not a bare file name")
        return os.path.join(self.folder, name)

    def _samples(self, key: str) -> Optional[Samples]:
        name = self.hello.get(key)
        if name is None:
            return None
        if key not in self._read:
            tensors = read_safetensors(self.path(name))
            inputs = tensors["inputs"].astype(np.float32) / np.float32(self.data["scale"])
            self._read[key] = (inputs, tensors["labels"])
        return self._read[key]


class Job:
    """One round of training."""

    def __init__(self, mesh: Mesh, message: Mapping[str, Any], send: Callable[[Message], None]) -> None:
        self.mesh = mesh
        self.id: int = message["id"]
        self.generation: int = message["generation"]
        #: Batches to train: localEpochs × max(1, floor(samples / batch)).
        self.steps: int = message["steps"]
        self.seed: str = message["seed"]
        self.learning_rate: float = mesh.training["learningRate"]
        self.momentum: float = mesh.training["momentum"]
        self.batch: int = mesh.training["batch"]
        digest = hashlib.sha256(self.seed.encode()).digest()
        #: Random numbers that are the same whenever this round is repeated.
        self.random = np.random.default_rng(int.from_bytes(digest, "little"))
        self._send = send
        self._told = time.monotonic()

    def batches(self, samples: int) -> Iterator[np.ndarray]:
        """`steps` arrays of sample indices, a new order for each epoch; the last partial batch is dropped."""
        batch = min(self.batch, samples)
        order = self.random.permutation(samples)
        start = 0
        for _ in range(self.steps):
            if start + batch > samples:
                order = self.random.permutation(samples)
                start = 0
            yield order[start : start + batch]
            start += batch

    def progress(self, step: int, loss: float) -> None:
        """Call it after every step: the node hears of it a few times a second. Raises where the loss is not finite."""
        loss = _finite(loss, f"the loss after {step} steps")
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            self._send({"type": "progress", "id": self.id, "step": int(step), "loss": loss})


def run(
    trainer: Optional[Callable[[Mesh], Any]] = None,
    *,
    train: Optional[Callable[[Weights, Job], Tuple[Mapping[str, np.ndarray], float]]] = None,
    evaluate: Optional[Callable[[Weights], Tuple[float, float]]] = None,
    samples: Optional[int] = None,
    name: str = "python",
) -> None:
    """Answers the node until it says stop or closes the stream. Call it once, as the program's last line.

    Give either functions: `train(weights, job)` returns the new weights and the mean loss, `evaluate(weights)` the
    accuracy from 0 to 1 and the loss, `samples` is how many samples you train on (default: those of the node's
    --data). Or give `trainer`, a class or function that is called with the Mesh and returns an object with `samples`,
    `train`, and where it has them `evaluate`, `name` and `reset()`, which is called after a round that failed so
    that it can forget its momentum.
    """
    if (trainer is None) == (train is None):
        raise TypeError("run needs either a trainer or a train function")
    lines, send = _take_streams()
    questions: queue.Queue[Optional[Message]] = queue.Queue()
    finished = threading.Event()
    threading.Thread(target=_listen, args=(lines, questions, finished), daemon=True).start()
    try:
        hello = questions.get()
        if hello is None:
            return
        try:
            mesh = Mesh(hello)
            own = trainer(mesh) if trainer is not None else _Functions(mesh, train, evaluate, samples, name)
            evaluates = getattr(own, "evaluate", None) is not None
            ready = {"type": "ready", "name": str(getattr(own, "name", name)), "samples": int(own.samples)}
        except Exception as error:
            send({"type": "failed", "error": _explain(error)})
            sys.exit(1)
        send({**ready, "evaluates": evaluates})
        for question in iter(questions.get, None):
            _answer(own, mesh, question, send)
    except BrokenPipeError:
        pass  # The node is gone, and nobody is left to be told.
    finally:
        finished.set()


class _Functions:
    """A trainer object made of plain functions."""

    def __init__(self, mesh: Mesh, train: Any, evaluate: Any, samples: Optional[int], name: str) -> None:
        if samples is None:
            given = mesh.samples()
            if given is None:
                raise ValueError("say run(samples=...), or give the node --data")
            samples = len(given[1])
        self.samples, self.name, self.train, self.evaluate = samples, name, train, evaluate


def _answer(own: Any, mesh: Mesh, question: Message, send: Callable[[Message], None]) -> None:
    try:
        if question["type"] == "train":
            job = Job(mesh, question, send)
            weights, loss = own.train(_weights(mesh, question), job)
            loss = _finite(loss, "the loss")
            write_safetensors(mesh.path(question["result"]), _checked(mesh, weights))
            send({"type": "trained", "id": job.id, "steps": job.steps, "loss": loss})
        elif question["type"] == "evaluate":
            accuracy, loss = own.evaluate(_weights(mesh, question))
            score = {"accuracy": _finite(accuracy, "the accuracy"), "loss": _finite(loss, "the loss")}
            send({"type": "evaluated", "id": question["id"], **score})
    except BrokenPipeError:
        raise
    except Exception as error:  # Whatever the user's code throws costs one answer, not the process.
        send({"type": "failed", "id": question["id"], "error": _explain(error)})
        if question["type"] == "train" and hasattr(own, "reset"):
            own.reset()


def _explain(error: Exception) -> str:
    """The last line of the traceback; all of it goes to stderr."""
    traceback.print_exc()
    return traceback.format_exception_only(type(error), error)[-1].strip()[:ERROR_CHARACTERS_MAX]


def _weights(mesh: Mesh, question: Mapping[str, Any]) -> Weights:
    return _checked(mesh, read_safetensors(mesh.path(question["weights"])))


def _checked(mesh: Mesh, weights: Mapping[str, Any]) -> Weights:
    """The tensors in the mesh's order as float32; raises for other names, shapes and values that are not finite."""
    if set(weights) != {tensor.name for tensor in mesh.tensors}:
        raise ValueError(f"the weights are {sorted(weights)}, not {sorted(tensor.name for tensor in mesh.tensors)}")
    arrays: Weights = {}
    for name, shape in mesh.tensors:
        array = np.asarray(weights[name], dtype=np.float32)
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")
        arrays[name] = array
    return arrays


def _finite(value: Any, what: str) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise ValueError(f"{what} is {number}; lower the learning rate or check the data")
    return number


def _take_streams() -> Tuple[Iterator[bytes], Callable[[Message], None]]:
    """Keeps the protocol's streams for us; `print`, C libraries and child processes get stderr and no input."""
    questions = os.dup(0)
    answers = os.fdopen(os.dup(1), "wb")
    sys.stdout.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    sys.stderr.reconfigure(line_buffering=True)  # Python 3.8 would keep what is printed until the end.

    def send(message: Message) -> None:
        answers.write(json.dumps(message, allow_nan=False).encode() + b"\n")
        answers.flush()

    return _lines(questions), send


def _lines(source: int) -> Iterator[bytes]:
    """By hand: a thread that waits in a buffered file can hold up the end of Python."""
    rest = b""
    while True:
        chunk = os.read(source, 65536)
        if not chunk:
            return
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole


def _listen(lines: Iterator[bytes], questions: queue.Queue[Optional[Message]], finished: threading.Event) -> None:
    """Reads the node's lines beside the training, so that the end of the node is the end of the trainer."""
    for line in lines:
        try:
            message = json.loads(line)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            print(f"the node sent what is no message: {line[:100]!r}", file=sys.stderr)
            continue
        if kind == "stop":
            break
        if kind in ("hello", "train", "evaluate"):
            questions.put(message)
    questions.put(None)
    if not finished.wait(GRACE_SECONDS):
        os._exit(0)


_TYPES = {"F32": "<f4", "U8": "|u1", "I32": "<i4"}
_HEADER_BYTES_MAX = 100_000_000


def read_safetensors(path: str) -> Weights:
    """The arrays of a safetensors file by name, writable. Raises ValueError for all that the format does not allow
    and for other types than F32, U8 and I32."""
    with open(path, "rb") as file:
        content = bytearray(file.read())

    def check(condition: bool, text: str) -> None:
        if not condition:
            raise ValueError(f"{os.path.basename(path)}: {text}")

    def unique(pairs: Any) -> Dict[str, Any]:
        check(len(dict(pairs)) == len(pairs), "the header names something twice")
        return dict(pairs)

    check(len(content) >= 8, "the file is shorter than its header length")
    length = int.from_bytes(content[:8], "little")
    check(length <= min(_HEADER_BYTES_MAX, len(content) - 8), "the header ends outside of the file")
    text = content[8 : 8 + length].decode("utf-8")
    check(text.startswith("{"), "the header does not start with a brace")
    header = json.loads(text, object_pairs_hook=unique)
    header.pop("__metadata__", None)
    arrays: Weights = {}
    expected = 8 + length
    for name, entry in header.items():
        keys = isinstance(entry, dict) and set(entry)
        check(keys == {"dtype", "shape", "data_offsets"}, f"{name} has other keys than the format's")
        check(entry["dtype"] in list(_TYPES), f"{name} is {entry['dtype']}; only {', '.join(_TYPES)} are read")
        shape, offsets = entry["shape"], entry["data_offsets"]
        check(isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2, f"{name} lacks a size")
        check(all(type(number) is int and number >= 0 for number in shape + offsets), f"{name} has a bad size")
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        dtype, shape, (begin, end) = np.dtype(_TYPES[entry["dtype"]]), entry["shape"], entry["data_offsets"]
        count = 1
        for size in shape:
            count *= size
        check(begin + 8 + length == expected, f"there is a hole or an overlap before {name}")
        check(end - begin == count * dtype.itemsize, f"the bytes of {name} do not fit its shape")
        check(end + 8 + length <= len(content), f"{name} ends outside of the file")
        arrays[name] = np.frombuffer(content, dtype, count, expected).reshape(shape)
        expected = end + 8 + length
    check(expected == len(content), "bytes follow the last tensor")
    return arrays


def write_safetensors(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes float32, uint8 and int32 arrays under another name and renames: the file is there only when whole."""
    names = {np.dtype(dtype): name for name, dtype in _TYPES.items()}
    header: Dict[str, Any] = {}
    offset = 0
    for name, array in arrays.items():
        offsets = [offset, offset + array.nbytes]
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": offsets}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for array in arrays.values():
                file.write(array.tobytes())
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.remove(partial)
        raise
