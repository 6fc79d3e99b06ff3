"""The bugs that are planted: where, what stands there, what is put in its place, and the tests that must notice.

Each is one that somebody really writes: a transpose or a sign forgotten, a sum where a mean belongs, `=` for `+=`, the wrong
axis, the wrong variance. The text must stand in its file exactly once, so no entry can outlive the code that it breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

CHECK = "tests/engine/test_every_op.py::test_the_gradient_is_that_of_central_differences"
DERIVED = "test_the_gradient_is_that_of_central_differences"


@dataclass(frozen=True)
class Mutation:
    """One bug. `tests`: those that must fail; `compiled`: with the compiled kernels, not NumPy's; `torch`: they need PyTorch."""

    name: str
    file: str
    source: str
    replacement: str
    tests: tuple[str, ...]
    compiled: bool = False
    torch: bool = False


MUTATIONS = [
    # ---------------------------------------------------------------- arithmetic
    Mutation(
        "a mean over broadcast axes for a sum",
        "engine/ops/arithmetic.py",
        "return delta.sum(axis=axes, keepdims=True).reshape(shape)",
        "return delta.mean(axis=axes, keepdims=True).reshape(shape)",
        (f"{CHECK}[add]",),
    ),
    Mutation(
        "the sum over broadcast axes forgotten",
        "engine/ops/arithmetic.py",
        "    ahead = delta.ndim - len(shape)\n",
        "    return delta\n    ahead = delta.ndim - len(shape)\n",
        (f"{CHECK}[add]",),
    ),
    Mutation(
        "subtract: the sign of the second gradient",
        "engine/ops/arithmetic.py",
        "apply(xp.negative, sum_to(delta, b)) if",
        "sum_to(delta, b) if",
        (f"{CHECK}[subtract]",),
    ),
    Mutation(
        "multiply: the gradient of the wrong input",
        "engine/ops/arithmetic.py",
        "sum_to(apply(xp.multiply, delta, b), a.shape)",
        "sum_to(apply(xp.multiply, delta, a), a.shape)",
        (f"{CHECK}[multiply]",),
    ),
    Mutation(
        "divide: the sign",
        "engine/ops/arithmetic.py",
        "sum_to(-delta * c / b, b.shape)",
        "sum_to(delta * c / b, b.shape)",
        (f"{CHECK}[divide]",),
    ),
    Mutation(
        "power: the exponent in front forgotten",
        "engine/ops/arithmetic.py",
        "delta * (p * a ** (p - 1))",
        "delta * a ** (p - 1)",
        (f"{CHECK}[power]",),
    ),
    # ---------------------------------------------------------------- functions
    Mutation(
        "cos: the sign",
        "engine/ops/functions.py",
        "return -delta * xp.sin(a)",
        "return delta * xp.sin(a)",
        (f"{CHECK}[cos]",),
    ),
    Mutation(
        "sqrt: the 2 forgotten",
        "engine/ops/functions.py",
        "return delta / (2 * c)",
        "return delta / c",
        (f"{CHECK}[sqrt]",),
    ),
    Mutation(
        "maximum: of a tie nobody gets the gradient",
        "engine/ops/functions.py",
        "first = a >= b",
        "first = a > b",
        ("tests/engine/test_functions.py::test_of_two_that_are_equal_the_first_takes_the_whole_gradient",),
    ),
    Mutation(
        "clip: no gradient at the bounds",
        "engine/ops/functions.py",
        "delta * ((a >= low) & (a <= high))",
        "delta * ((a > low) & (a < high))",
        ("tests/engine/test_functions.py::test_clipping_passes_the_gradient_between_its_bounds_and_at_them",),
    ),
    # ---------------------------------------------------------------- activation
    Mutation(
        "tanh: a square forgotten",
        "engine/ops/activation.py",
        "return delta * (1 - a * a)",
        "return delta * (1 - a)",
        (f"{CHECK}[tanh]",),
    ),
    Mutation(
        "silu: z forgotten in the slope",
        "kernels/reference/elementwise.py",
        "delta * (sigma * (1 + z * (1 - sigma)))",
        "delta * (sigma * (1 + (1 - sigma)))",
        (f"{CHECK}[silu]",),
    ),
    Mutation(
        "relu: a slope at the kink",
        "kernels/reference/elementwise.py",
        "where(z <= 0, delta.dtype.type(0), delta)",
        "where(z < 0, delta.dtype.type(0), delta)",
        ("tests/engine/test_activation.py::test_the_gradient_at_the_kink_is_that_from_below",),
    ),
    # ---------------------------------------------------------------- linear
    Mutation(
        "linear: the weights' gradient not transposed",
        "engine/ops/linear.py",
        "product(errors.T, rows)",
        "product(rows.T, errors)",
        (f"{CHECK}[linear]",),
    ),
    Mutation(
        "linear: a mean over the batch for the bias",
        "engine/ops/linear.py",
        "errors.sum(axis=0)",
        "errors.mean(axis=0)",
        ("tests/engine/test_linear.py::test_the_gradients_of_a_layer_are_those_of_the_book",),
    ),
    Mutation(
        "matmul: a transpose missing where the shapes do not tell",
        "engine/ops/linear.py",
        "product(delta, b.swapaxes(-1, -2))",
        "product(delta, b if b.shape[-1] == b.shape[-2] else b.swapaxes(-1, -2))",
        (f"{CHECK}[matmul]",),
    ),
    Mutation(
        "a large product shared out with the wrong columns",
        "engine/large.py",
        "np.matmul(a, b[:, begin:end], out=out[:, begin:end]), n)",
        "np.matmul(a, b[:, : end - begin], out=out[:, begin:end]), n)",
        ("tests/engine/test_linear.py::test_products_of_all_sizes_are_right_forward_and_backward",),
    ),
    # ---------------------------------------------------------------- reduce
    Mutation(
        "mean: a sum's gradient",
        "engine/ops/reduce.py",
        "_spread(delta / n, shape, axes)",
        "_spread(delta, shape, axes)",
        (f"{CHECK}[mean]",),
    ),
    Mutation(
        "variance: the 2 forgotten",
        "engine/ops/reduce.py",
        "_spread(delta * (2 / n),",
        "_spread(delta * (1 / n),",
        (f"{CHECK}[variance]",),
    ),
    Mutation(
        "max: every tie gets the whole gradient",
        "engine/ops/reduce.py",
        "(delta.reshape(_kept(chosen.shape, axes)) / how_many).astype(delta.dtype)",
        "delta.reshape(_kept(chosen.shape, axes))",
        ("tests/engine/test_reduce.py::test_several_that_are_largest_share_the_gradient",),
    ),
    Mutation(
        "logsumexp: the largest not taken out",
        "engine/ops/reduce.py",
        "top = xp.where(xp.isfinite(top), top, a.dtype.type(0))",
        "top = xp.zeros_like(top)",
        ("tests/engine/test_reduce.py::test_no_exponential_overflows_in_logsumexp",),
    ),
    Mutation(
        "an axis counted from the wrong end",
        "engine/ops/reduce.py",
        "found = tuple(int(one) % a.ndim for one in axes)",
        "found = tuple(abs(int(one)) % a.ndim for one in axes)",
        ("tests/engine/test_reduce.py::test_values_and_shapes_are_numpys",),
    ),
    # ---------------------------------------------------------------- shape
    Mutation(
        "index: = for +=",
        "engine/ops/shape.py",
        "xp.add.at(found, key, delta)",
        "found[key] = delta",
        ("tests/engine/test_shape.py::test_an_index_named_twice_gets_both_gradients",),
    ),
    Mutation(
        "gather: = for +=",
        "engine/ops/shape.py",
        "xp.add.at(found, tuple(grid), delta)",
        "found[tuple(grid)] = delta",
        (f"{CHECK}[gather]",),
    ),
    Mutation(
        "transpose: the axes not turned back",
        "engine/ops/shape.py",
        "return delta.transpose(tuple(np.argsort(saved)))",
        "return delta.transpose(saved)",
        ("tests/engine/test_shape.py::test_turning_the_axes_back_turns_the_gradient_back",),
    ),
    Mutation(
        "pad: off by one",
        "engine/ops/shape.py",
        "tuple(slice(before, before + n) for n, (before, _) in",
        "tuple(slice(before and before - 1, (before and before - 1) + n) for n, (before, _) in",
        ("tests/engine/test_shape.py::test_padding_surrounds_and_its_gradient_cuts_out",),
    ),
    Mutation(
        "concat: the parts' ends in the wrong place",
        "engine/ops/shape.py",
        "np.cumsum(lengths)[:-1]",
        "np.cumsum(lengths[::-1])[:-1]",
        (f"{CHECK}[concat]",),
    ),
    Mutation(
        "scatter_add: the first errors for the chosen",
        "engine/ops/shape.py",
        "return delta, delta[saved]",
        "return delta, delta[np.arange(len(saved)) % len(delta)]",
        (f"{CHECK}[scatter_add]",),
    ),
    # ---------------------------------------------------------------- losses
    Mutation(
        "mse: the 2 forgotten",
        "engine/ops/losses.py",
        "error * (delta * 2 / error.size)",
        "error * (delta / error.size)",
        (f"{CHECK}[mse_loss]",),
    ),
    Mutation(
        "bce: a sum for a mean",
        "engine/ops/losses.py",
        "return each.mean(), (z, y)",
        "return each.sum(), (z, y)",
        (f"{CHECK}[bce_with_logits]",),
    ),
    Mutation(
        "huber: the squared error's gradient everywhere",
        "engine/ops/losses.py",
        "found = xp.clip(error, -d, d) *",
        "found = error *",
        (f"{CHECK}[huber_loss]",),
    ),
    Mutation(
        "label smoothing that takes nothing from the right class",
        "engine/ops/losses.py",
        "q[xp.arange(m), y] += 1 - label_smoothing",
        "q[xp.arange(m), y] += 1",
        ("tests/engine/test_losses.py::test_smoothing_moves_its_share_from_the_right_class_to_all",),
    ),
    Mutation(
        "cross-entropy: the largest not taken out",
        "engine/ops/losses.py",
        "shifted = z - z.max(axis=1, keepdims=True)",
        "shifted = z",
        ("tests/engine/test_losses.py::test_cross_entropy_is_exact_at_any_saturation",),
    ),
    Mutation(
        "cross-entropy: a mean over the classes too",
        "engine/ops/losses.py",
        "(p * q.sum(axis=1, keepdims=True) - q) * (delta / len(p))",
        "(p * q.sum(axis=1, keepdims=True) - q) * (delta / p.size)",
        (f"{CHECK}[cross_entropy]",),
    ),
    Mutation(
        "the divergence without its -1",
        "engine/ops/losses.py",
        "(variance - 1) * share",
        "variance * share",
        (f"{CHECK}[gaussian_kl]",),
    ),
    # ---------------------------------------------------------------- the tape
    Mutation(
        "backward: = for += where a tensor is used twice",
        "engine/tensor.py",
        "deltas[before] = _sum(deltas[before], gradient)",
        "deltas[before] = gradient",
        ("tests/engine/test_tensor.py::test_a_diamond_adds_the_parts_of_its_two_arms",),
    ),
    Mutation(
        "backward: = for += at a leaf",
        "engine/tensor.py",
        "leaf.grad += gradient",
        "leaf.grad[...] = gradient",
        ("tests/engine/test_tensor.py::test_repeated_backwards_add_up",),
    ),
    Mutation(
        "backward: the first op before the last",
        "engine/tensor.py",
        "heapq.heappush(heap, (-before.number, before))",
        "heapq.heappush(heap, (before.number, before))",
        ("tests/engine/test_tensor.py::test_a_node_waits_for_all_that_used_it_however_long_their_ways_are",),
    ),
    Mutation(
        "backward: nothing freed",
        "engine/tensor.py",
        "node.saved, node.inputs = _FREED, ()",
        "pass",
        ("tests/engine/test_tensor.py::test_what_is_saved_is_freed_as_backward_goes",),
    ),
    Mutation(
        "a change through a view that nobody sees",
        "engine/tensor.py",
        "[0] if value.base is None else _shared(value, inputs)",
        "[0]",
        ("tests/engine/test_tensor.py::test_a_change_through_a_view_is_seen_by_the_whole",),
    ),
    Mutation(
        "vjp: what was pulled back before is added",
        "engine/transform.py",
        "            leaf.grad = None\n",
        "            pass\n",
        ("tests/engine/test_transform.py::test_vjp_is_linear_in_the_vector",),
    ),
    Mutation(
        "memory in use given out again",
        "memory.py",
        "return waiting.pop()",
        "return waiting[-1]",
        ("tests/test_memory.py::TestUsing",),
    ),
    Mutation(
        "a fault that does not wait for the other threads",
        "kernels/threads.py",
        "            wait(waiting)\n",
        "            pass\n",
        ("tests/kernels/test_threads.py::test_a_fault_in_any_share_reaches_the_caller_after_all_are_done",),
    ),
    Mutation(
        "BLAS left with one thread",
        "kernels/threads.py",
        "                _set_blas(_before)\n",
        "                pass\n",
        ("tests/kernels/test_threads.py::test_blas_has_one_thread_inside_shares_and_its_own_again_afterwards",),
    ),
    Mutation(
        "a fault in another thread swallowed",
        "kernels/threads.py",
        "*(future.result() for future in waiting)",
        "*(None if future.exception() else future.result() for future in waiting)",
        ("tests/kernels/test_threads.py::test_a_fault_in_any_share_reaches_the_caller_after_all_are_done",),
    ),
    # ---------------------------------------------------------------- convolution
    Mutation(
        "the padding cut off one pixel short",
        "kernels/reference/conv.py",
        "return padded[:, p : p + h, q : q + width]",
        "return padded[:, max(p - 1, 0) :][:, :h, q : q + width]",
        ("tests/engine/test_conv.py::test_the_gradient_of_conv2d_is_that_of_central_differences",),
    ),
    Mutation(
        "the dilation of rows forgotten",
        "kernels/reference/conv.py",
        "slice(u * d, u * d + s * (rows - 1) + 1, s)",
        "slice(u, u + s * (rows - 1) + 1, s)",
        ("tests/kernels/test_conv.py::test_the_reference_is_the_definition",),
    ),
    Mutation(
        "the groups' filters in the wrong order",
        "kernels/reference/conv.py",
        "return zip(xp.split(a, groups, axis=3), xp.split(w, groups, axis=3), strict=True)",
        "return zip(xp.split(a, groups, axis=3), xp.split(w, groups, axis=3)[::-1], strict=True)",
        ("tests/kernels/test_conv.py::test_the_reference_is_the_definition",),
    ),
    Mutation(
        "the bias's gradient averaged over the images",
        "kernels/reference/conv.py",
        "delta.sum(axis=(0, 1, 2)) if wanted[2]",
        "delta.mean(axis=0).sum(axis=(0, 1)) if wanted[2]",
        ("tests/engine/test_conv.py::test_the_gradient_of_conv2d_is_that_of_central_differences",),
    ),
    Mutation(
        "compiled: the filter not turned round",
        "kernels/cpu/conv.py",
        "w[::-1, ::-1].transpose(0, 1, 3, 2)",
        "w.transpose(0, 1, 3, 2)",
        ("tests/kernels/test_conv.py::test_few_outputs_go_through_the_mirrored_filters",),
        compiled=True,
    ),
    Mutation(
        "compiled: the strides of rows and columns swapped",
        "kernels/cpu/im2col.py",
        "unroll(x, buffer, self.kh, self.kw, self.rows, self.columns, s, t, p, q, d, e)",
        "unroll(x, buffer, self.kh, self.kw, self.rows, self.columns, t, s, p, q, d, e)",
        ("tests/kernels/test_conv.py::test_the_fast_kernels_agree_with_the_reference",),
        compiled=True,
    ),
    # ---------------------------------------------------------------- normalisation
    Mutation(
        "batch norm by the unbiased variance",
        "kernels/reference/norm.py",
        "x.var(axis=rows, dtype=np.float64)",
        "x.var(axis=rows, dtype=np.float64, ddof=1)",
        (f"tests/engine/test_norm.py::{DERIVED}[batch_norm]",),
    ),
    Mutation(
        "batch norm by the running statistics in training",
        "engine/ops/norm.py",
        "        if training:\n            if m < 2",
        "        if training and running_mean is None:\n            if m < 2",
        ("tests/engine/test_norm.py::test_the_running_mean_and_variance_are_those_of_pytorch",),
        torch=True,
    ),
    Mutation(
        "the running variance biased",
        "engine/ops/norm.py",
        "variance * (m / (m - 1)) - running_var",
        "variance - running_var",
        ("tests/engine/test_norm.py::test_the_running_mean_and_variance_are_those_of_pytorch",),
        torch=True,
    ),
    Mutation(
        "norms: the error's mean left in",
        "kernels/reference/norm.py",
        "rstd * (error - mean - x_hat * both)",
        "rstd * (error - x_hat * both)",
        (f"tests/engine/test_norm.py::{DERIVED}[layer_norm]",),
    ),
    Mutation(
        "group norm: a group's mean for the wrong channels",
        "kernels/reference/norm.py",
        "array_module(x).repeat(value, c // value.shape[1], axis=1)",
        "array_module(x).tile(value, (1, c // value.shape[1]))",
        (f"tests/engine/test_norm.py::{DERIVED}[group_norm]",),
    ),
    Mutation(
        "gamma's gradient from the raw numbers",
        "kernels/reference/norm.py",
        "(error * x_hat).sum(axis=rows, dtype=np.float64)",
        "(error * (x_hat + 1)).sum(axis=rows, dtype=np.float64)",
        (f"tests/engine/test_norm.py::{DERIVED}[rms_norm]",),
    ),
    # ---------------------------------------------------------------- pooling, softmax, attention and the like
    Mutation(
        "average pooling: the whole error to every pixel",
        "kernels/reference/pool.py",
        "share = delta * delta.dtype.type(1 / (kernel[0] * kernel[1]))",
        "share = delta",
        (f"tests/engine/test_pool.py::{DERIVED}[avg_pool2d]",),
    ),
    Mutation(
        "max pooling: the last of equal ones",
        "kernels/reference/pool.py",
        "larger = (seen > y) |",
        "larger = (seen >= y) |",
        ("tests/engine/test_pool.py::test_of_equal_ones_the_first_takes_the_gradient",),
    ),
    Mutation(
        "softmax: the largest not taken out",
        "kernels/reference/softmax.py",
        "shifted = a - xp.where(top == -np.inf, a.dtype.type(0), top)",
        "shifted = a",
        ("tests/engine/test_softmax.py::test_far_numbers_neither_overflow_nor_vanish",),
    ),
    Mutation(
        "softmax: only the diagonal of its Jacobian",
        "kernels/reference/softmax.py",
        "p * (delta - (delta * p).sum(axis=-1, keepdims=True))",
        "p * delta * (1 - p)",
        (f"tests/engine/test_softmax.py::{DERIVED}[softmax]",),
    ),
    Mutation(
        "attention not scaled",
        "engine/ops/attention.py",
        "scale = 1 / math.sqrt(q.shape[-1])",
        "scale = 1.0",
        ("tests/engine/test_attention.py::test_many_heads_of_many_places_are_those_of_pytorchs_own",),
        torch=True,
    ),
    Mutation(
        "attention: q's gradient not scaled",
        "kernels/reference/attention.py",
        "return s @ k, s.swapaxes(-1, -2) @ q,",
        "return s @ k / scale, s.swapaxes(-1, -2) @ q,",
        (f"tests/engine/test_attention.py::{DERIVED}",),
    ),
    Mutation(
        "attention: a look one place ahead",
        "engine/ops/attention.py",
        "xp.tri(*shape[-2:], dtype=bool)",
        "xp.tri(*shape[-2:], k=1, dtype=bool)",
        ("tests/engine/test_attention.py::test_nobody_sees_what_comes_later",),
    ),
    Mutation(
        "embedding: = for +=",
        "kernels/reference/embedding.py",
        "xp.add.at(found, indices, delta)",
        "found[indices] = delta",
        ("tests/engine/test_embedding.py::test_many_choices_of_few_rows_add_up",),
    ),
    Mutation(
        "nearest upsampling: a mean for a sum",
        "kernels/reference/resize.py",
        ".sum(axis=(2, 4))",
        ".mean(axis=(2, 4))",
        (f"tests/engine/test_resize.py::{DERIVED}[upsample_nearest]",),
    ),
    Mutation(
        "bilinear upsampling: the gradient by columns for lines",
        "kernels/reference/resize.py",
        "upsample_bilinear(delta, lines.T, columns.T)",
        "upsample_bilinear(delta.swapaxes(1, 2), columns.T, lines.T).swapaxes(1, 2) * 0.5",
        (f"tests/engine/test_resize.py::{DERIVED}[upsample_bilinear]",),
    ),
    Mutation(
        "dropout not rescaled",
        "engine/ops/dropout.py",
        "dropped(a, kept, 1 / (1 - rate))",
        "dropped(a, kept, 1.0)",
        ("tests/engine/test_dropout.py::test_the_mean_stays_and_the_share_of_zeros_is_the_rate",),
    ),
    # ---------------------------------------------------------------- the network by hand, its costs and optimisers
    Mutation(
        "the network: gradients summed over the batch",
        "feedforward.py",
        "np.multiply(delta, 1 / m, out=buffers.share[layer])",
        "np.multiply(delta, 1.0, out=buffers.share[layer])",
        ("tests/engine/test_feedforward_rebuilt.py::test_cost_and_gradient_by_hand_are_those_of_the_tape",),
    ),
    Mutation(
        "the network: dropped units blamed",
        "feedforward.py",
        "        out *= kept  #",
        "        out *= 1  #",
        ("tests/engine/test_feedforward_rebuilt.py::test_under_the_same_dropout_mask_they_agree_too",),
    ),
    Mutation(
        "the network: dropout not rescaled",
        "feedforward.py",
        "kept /= 1 - self.dropout",
        "kept *= 1",
        ("tests/test_feedforward.py::test_dropout_leaves_out_its_share_of_hidden_units_and_scales_the_rest",),
    ),
    Mutation(
        "the network: weight decay twice as strong",
        "feedforward.py",
        "gradient += self.l2 * w",
        "gradient += 2 * self.l2 * w",
        ("tests/engine/test_feedforward_rebuilt.py::test_cost_and_gradient_by_hand_are_those_of_the_tape",),
    ),
    Mutation(
        "the network: the activations before dropout",
        "feedforward.py",
        "a_out = buffers.dropped if self.dropout else buffers.a",
        "a_out = buffers.a",
        ("tests/engine/test_feedforward_rebuilt.py::test_under_the_same_dropout_mask_they_agree_too",),
    ),
    Mutation(
        "sigmoid: the slope of the wrong number",
        "activations.py",
        "slope = a * (1 - a)",
        "slope = z * (1 - z)",
        ("tests/test_gradients.py::test_the_gradient_equals_central_differences[sigmoid-quadratic-sigmoid-none]",),
    ),
    Mutation(
        "quadratic cost: the half forgotten",
        "costs.py",
        "return 0.5 * np.einsum(",
        "return np.einsum(",
        ("tests/test_gradients.py::test_the_gradient_equals_central_differences[sigmoid-quadratic-sigmoid-none]",),
    ),
    Mutation(
        "softmax cost: the error of targets of sum 1 for all",
        "costs.py",
        "np.multiply(a, y.sum(axis=-1, keepdims=True), out=out)",
        "np.copyto(out, a)",
        ("tests/test_gradients.py::test_the_gradient_equals_central_differences[sigmoid-cross_entropy-softmax-none]",),
    ),
    Mutation(
        "Adam: the first moment not corrected",
        "optim.py",
        "return 1 - self.beta1**self.steps,",
        "return 1 - self.beta1,",
        ("tests/test_optim.py::test_adam_corrects_both_moments_for_their_start_at_zero",),
    ),
    Mutation(
        "momentum: the new gradient averaged in",
        "optim.py",
        "        v *= self.momentum\n        v += g\n",
        "        v *= self.momentum\n        v += (1 - self.momentum) * g\n",
        ("tests/test_optim.py::test_momentum_keeps_nine_tenths_of_the_velocity",),
    ),
    Mutation(
        "Nesterov: plain momentum",
        "optim.py",
        "        if self.nesterov:\n            np.multiply(v,",
        "        if not self.momentum:\n            np.multiply(v,",
        ("tests/test_optim.py::test_nesterov_looks_one_velocity_ahead",),
    ),
    Mutation(
        "RMSProp: epsilon inside the root",
        "optim.py",
        "        np.sqrt(v, out=update)\n        update += self.epsilon\n        np.divide(g,",
        "        np.sqrt(v + self.epsilon, out=update)\n        np.divide(g,",
        ("tests/test_optim.py::test_rmsprop_divides_by_the_running_root_mean_square",),
    ),
    Mutation(
        "AdamW: the weights grow",
        "optim.py",
        "update -= (self.learning_rate * self.weight_decay) * theta",
        "update += (self.learning_rate * self.weight_decay) * theta",
        ("tests/test_optim.py::test_adamw_decays_the_weights_apart_from_the_gradient",),
    ),
]
