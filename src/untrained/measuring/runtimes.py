"""What runs a network: torch as it is, compiled, or onnxruntime."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from untrained.errors import InputError
from untrained.runtime.calling import call_network
from untrained.runtime.devices import temporarily
from untrained.runtime.onnx_models import check_packages, onnx_program, session_of
from untrained.runtime.tracing import SAMPLES, quiet, traced

Runtime = Literal["eager", "compile", "onnx"]
RUNTIMES: tuple[Runtime, ...] = ("eager", "onnx", "compile")
"""The quickest to ready first."""


def check_runtime(runtime: Runtime, device: str) -> None:
    """Makes sure that this machine has a runtime.

    Args:
        runtime: Which one.
        device: Where it is to run.

    Raises:
        InputError: It has not.
    """
    if runtime == "onnx":
        check_packages("runtime=onnx")
        if device != "cpu":
            raise InputError("runtime=onnx is measured on the CPU: leave device out, or give runtime=eager or compile")


@contextmanager
def running(
    network: nn.Module, inputs: Any, runtime: Runtime, threads: int, device: torch.device
) -> Iterator[Callable[[], Any]]:
    """Readies a network for inference.

    Args:
        network: The network; it is copied, and run in evaluation mode without gradients.
        inputs: A batch.
        runtime: What runs it.
        threads: How many threads one operation takes on the CPU. torch has as many in this block.
        device: Where it runs.

    Yields:
        A call that makes one inference and returns its outputs when it is done.

    Raises:
        InputError: It has no ONNX form.
    """
    network = deepcopy(network).eval().requires_grad_(False).to(device)
    inputs = pytree.tree_map_only(Tensor, lambda part: part.detach().to(device), inputs)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            if runtime == "onnx":
                yield _in_onnxruntime(network, inputs, threads)
            elif runtime == "eager":
                yield _waited(lambda: call_network(network, inputs), device)
            else:
                with _compiling():
                    yield _compiled(network, inputs, device)
    finally:
        torch.set_num_threads(before)


def _waited(run: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """The call together with what it has left to do on a device when it returns."""
    if device.type == "cpu":
        return run
    synchronize = getattr(torch, device.type).synchronize

    def waited() -> Any:
        outputs = run()
        synchronize(device)
        return outputs

    return waited


@contextmanager
def _compiling() -> Iterator[None]:
    """Compiles what comes anew and here: else a later network of the same code would run without being compiled, and
    processes that compile would stay behind and take time from what is measured."""
    import torch._dynamo
    import torch._inductor.config

    torch._dynamo.reset()
    try:
        with temporarily((torch._inductor.config, "compile_threads", 1)), quiet():
            yield
    finally:
        torch._dynamo.reset()


def _compiled(network: nn.Module, inputs: Any, device: torch.device) -> Callable[[], Any]:
    leaves, structure = pytree.tree_flatten(inputs)
    compiled = torch.compile(Flat(network, structure))
    run = _waited(lambda: compiled(tuple(leaves)), device)
    run()
    return run


def _in_onnxruntime(network: nn.Module, inputs: Any, threads: int) -> Callable[[], Any]:
    leaves, structure = pytree.tree_flatten(inputs)
    session = session_of(onnx_model(Flat(network, structure), leaves), threads)
    arrays = [leaf.numpy() for leaf in leaves]
    names = [entry.name for entry in session.get_inputs()]  # an input that nothing reads may be left out
    feed = {name: arrays[int(name.removeprefix("input_"))] for name in names}
    return lambda: session.run(None, feed)


class Flat(nn.Module):
    """A network whose inputs and outputs are tuples of tensors.

    Args:
        network: The network.
        structure: How its inputs are nested.
    """

    def __init__(self, network: nn.Module, structure: pytree.TreeSpec) -> None:
        super().__init__()
        self.network = network
        self._structure = structure

    def forward(self, leaves: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The outputs of n samples."""
        return tuple(pytree.tree_leaves(call_network(self.network, pytree.tree_unflatten(leaves, self._structure))))


def onnx_model(network: Flat, leaves: list[Tensor]) -> bytes:
    """Makes an ONNX model of a network, whose inputs are called input_0, input_1, ...

    The older one of torch's two exporters is ten times as quick, and what onnxruntime makes of its models is as fast;
    the newer one, which files are exported with, is for networks that it cannot follow.

    Args:
        network: The network.
        leaves: Its inputs.

    Raises:
        InputError: It has no ONNX form.
    """
    names = [f"input_{place}" for place in range(len(leaves))]
    with quiet():
        content: Any = io.BytesIO()  # which the older exporter writes to, whatever its type says
        try:
            # Its log, which prints the graph of what it cannot follow on stdout, cannot be turned off otherwise.
            with temporarily((torch._C, "_jit_onnx_log", lambda *_: None)):
                torch.onnx.export(network, (tuple(leaves),), content, input_names=names, dynamo=False)
            return content.getvalue()
        except Exception:  # of torch's C++, or of the network's code; a version without it
            batch = tuple(torch.cat([leaf] * SAMPLES)[:SAMPLES] for leaf in leaves)
            program = onnx_program(traced(network, (batch,), "onnx"), names, ())
            return program.model_proto.SerializeToString()
