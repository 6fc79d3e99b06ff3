"""Where the time of a training step goes: ours op by op, beside what PyTorch spends on the same.

Each call is timed over several steps, and its shortest time counts: other work on the machine only ever adds.

    python benchmarks/engine_profile.py cnn|unet [--steps 10] [--shapes] [--threads 1]
"""

from __future__ import annotations

import argparse
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from engine_jobs import OURS, STEPS, clock, jobs

from engine import PATIENCE, QUIET, WARM_UP, Others, fresh

# What an op is about, and the first words of PyTorch's operators that do the same; the first that fits counts.
FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "convolution, gradients": (("conv2d, gradient",), ("aten::convolution_backward",)),
    "convolution, forward": (("conv2d, forward",), ("aten::mkldnn_convolution", "aten::_slow_conv", "aten::thnn")),
    "norm and activation, gradients": (
        ("batch_norm, gradient", "group_norm, gradient", "relu, gradient", "silu, gradient"),
        ("aten::native_batch_norm_b", "aten::native_group_norm_b", "aten::threshold_backward", "aten::silu_backward"),
    ),
    "norm and activation, forward": (
        ("batch_norm, forward", "group_norm, forward", "relu, forward", "silu, forward"),
        ("aten::native_batch_norm", "aten::native_group_norm", "aten::clamp_min", "aten::silu", "aten::relu"),
    ),
    "pooling": (("max_pool2d",), ("aten::max_pool2d",)),
    "linear": (("linear",), ("aten::mm", "aten::addmm")),
    "attention": (("attention",), ("aten::_scaled", "aten::bmm", "aten::_softmax")),
    "upsampling": (("upsample",), ("aten::upsample",)),
    "sums, copies, concatenation": (
        ("add", "concat", "index", "reshape", "transpose"),
        ("aten::add", "aten::cat", "aten::copy_", "aten::sum", "aten::fill_"),
    ),
    "Adam": (("Adam",), ("aten::_fused_adam",)),
}


Calls = dict[str, list[float]]


def quiet(record: Callable[[], Calls], steps: int) -> dict[str, tuple[int, float]]:
    """Of each name: how often a step calls it, and the sum over these calls of the shortest time that each took in any step.

    Steps are recorded until enough of them had the cores to themselves, or patience ends: the least disturbed count.
    """
    found: list[tuple[float, Calls]] = []
    while sum(share < QUIET for share, _ in found) < steps and len(found) < PATIENCE * steps:
        watch = Others()
        calls = record()
        found.append((watch.share(), calls))
    found.sort(key=lambda row: row[0])
    kept = [calls for _, calls in found[:steps]]
    return {
        name: (len(seconds), sum(map(min, zip(*(calls[name] for calls in kept), strict=True))))
        for name, seconds in kept[0].items()
        if all(len(calls.get(name, ())) == len(seconds) for calls in kept)
    }


def ours(part: str, steps: int, by_shape: bool) -> dict[str, tuple[int, float]]:
    step = jobs(part, OURS)[STEPS[part]]
    from byhand import optim
    from byhand.engine import ops
    from byhand.engine.op import Op

    for _ in range(WARM_UP):
        step()
    calls: Calls = defaultdict(list)

    def timed(function: Any, name: str, shapes: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            begin = clock()
            found = function(*arguments, **options)
            spent = clock() - begin
            calls[f"{name} {shapes(arguments)}" if by_shape and shapes else name].append(spent)
            return found

        return call

    def inputs(arguments: Any) -> str:
        return " ".join("x".join(map(str, a.shape)) for a in arguments[1:3] if getattr(a, "ndim", 0) > 1)

    def saved(arguments: Any) -> str:
        kept = arguments[1][:2] if isinstance(arguments[1], tuple) else ()
        shapes = ["x".join(map(str, a.shape)) for a in kept if getattr(a, "ndim", 0) > 1]
        return " ".join(shapes) or "x".join(map(str, arguments[2].shape))

    for name in ops.__all__:
        op = getattr(ops, name)
        if isinstance(op, Op):
            op.forward = timed(op.forward, f"{name}, forward", inputs)
            op.gradient = timed(op.gradient, f"{name}, gradient", saved)
    optim.Adam.step = timed(optim.Adam.step, "Adam", None)  # type: ignore[method-assign]
    whole = timed(step, "a step", None)

    def record() -> Calls:
        calls.clear()
        whole()
        return dict(calls)

    return quiet(record, steps)


def theirs(part: str, who: str, steps: int) -> dict[str, tuple[int, float]]:
    step = jobs(part, who)[STEPS[part]]
    from torch.profiler import ProfilerActivity, profile, record_function

    def record() -> Calls:
        with profile(activities=[ProfilerActivity.CPU]) as found, record_function("a step"):
            step()
        calls: Calls = defaultdict(list)
        for event in sorted(found.events(), key=lambda event: event.time_range.start):
            spent = event.time_range.elapsed_us() if event.name == "a step" else event.self_cpu_time_total
            calls[event.name].append(spent / 1e6)
        return calls

    for _ in range(WARM_UP):
        record()
    return quiet(record, steps)


def by_family(times: dict[str, tuple[int, float]], side: int) -> dict[str, float]:
    """Milliseconds of each family; what belongs to none is in "the rest"."""
    found = dict.fromkeys([*FAMILIES, "the rest"], 0.0)
    for name, (_, seconds) in times.items():
        if name != "a step":
            family = next((key for key, names in FAMILIES.items() if name.startswith(names[side])), "the rest")
            found[family] += 1e3 * seconds
    if side == 0:  # what no op takes is the tape's
        found["the rest"] = max(0.0, 1e3 * times["a step"][1] - sum(found.values()))
    return found | {"a step": 1e3 * times["a step"][1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=tuple(STEPS))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--shapes", action="store_true", help="our ops instead, shape by shape")
    parser.add_argument("--threads", type=int, help="of each (all cores); with 1, ours are timed in processor time")
    options = parser.parse_args()
    if options.threads:
        os.environ |= dict.fromkeys(("BYHAND_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(options.threads))
    mine: Any = fresh(ours, options.part, options.steps, options.shapes)
    if options.shapes:
        print("| op and shapes | calls | ms a step |\n|---|---|---|")
        for name, (n, seconds) in sorted(mine.items(), key=lambda row: -row[1][1]):
            print(f"| {name} | {n} | {1e3 * seconds:.2f} |")
        return
    whos = ("eager", "channels-last")
    columns = [by_family(mine, 0), *(by_family(fresh(theirs, options.part, who, options.steps), 1) for who in whos)]  # type: ignore[arg-type]
    print(f"| ms a step | byhand | {' | '.join(f'PyTorch {who}' for who in whos)} |\n|---|---|---|---|")
    for family in columns[0]:
        print(f"| {family} | {' | '.join(f'{column[family]:.1f}' for column in columns)} |")


if __name__ == "__main__":
    main()
