r"""What an importance-weighted autoencoder lets you see of a step: its k codes per image, their weights, and the bound.

Arrays: `mu` and `log_sigma` (m, d) of each image; `eps` and `z` (m, k, d) of each of its codes; `log_w` and `shares` (m, k), how
well a code tells its image, and its share of the gradient; `C`, the cost. Of the layers: their parameters, with the gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from byhand.equation import read
from byhand.models.elbo import bound, draw_code
from byhand.models.iwae import IWAE, log_weights, normalised
from byhand.see.opaque_record import OpaqueRecord
from byhand.see.section import split
from byhand.see.step_array import StepArrays
from byhand.terms import At, Factor, Sum, single

OF_WEIGHTS = "Its reconstruction, and the densities of the two Gaussians, by the equation beside it."
OF_BOUND = "The logarithm of the mean of the image's weights, by the equation beside it."
DRAWN = "It was drawn from N(0, 1). The backward pass holds it fixed, so that gradients go through the draw."
OF_LAYERS = "It comes out of the encoder's layers, forward as in any network."


class ImportanceRecord(OpaqueRecord):
    """The pass of an `IWAE`: see `byhand.see.step.Record`. found: what the network's `trace` gives."""

    def __init__(self, network: IWAE, found: dict[str, Any]) -> None:
        super().__init__(network)
        self.found = found

    def describe(self, arrays: StepArrays) -> None:
        found, m, k = self.found, arrays.step.m, self.network.samples
        own = {name: np.asarray(found[name]) for name in ("mu", "log_sigma", "eps", "z", "log_w", "shares")}
        mu = arrays.add("mu", r"\mu", "means of the codes", own["mu"], batch=True, why=OF_LAYERS)
        s = arrays.add("log_sigma", "s", "log standard deviations of the codes", own["log_sigma"], batch=True, why=OF_LAYERS)
        eps = arrays.add("eps", r"\varepsilon", "what each draw adds, in standard deviations", own["eps"], batch=True, why=DRAWN)

        def of_z(at: At) -> list[Sum]:
            of = (at[0], at[2])
            spread = Factor(f"e^{{s_{{{at[0]},{at[2]}}}}}", float(np.exp(s.values[of])), s.factor(of).ref)
            return [single(mu.factor(of)), single(eps.factor(at), spread)]

        equations = split(read(draw_code).equation)
        z = arrays.add("z", "z", "the k codes of each image", own["z"], of_z, batch=True, equation=equations[0])
        title = "Codes: k of them are drawn for each image"
        arrays.add_operation("forward", "Codes", title, [z, mu, s, eps], [IWAE.learn], equations)
        log_w = arrays.add("log_w", r"\log w", "how well each code tells its image", own["log_w"], batch=True, why=OF_WEIGHTS)
        self._operation(arrays, "forward", "Codes: what each is worth", (log_w, z, eps, s), log_weights)
        w = np.exp(log_w.values - log_w.values.max(axis=1, keepdims=True))

        def of_share(at: At) -> list[Sum]:
            i = at[0]
            over = Factor(rf"\frac{{1}}{{\sum_j w_{{{i},j}}}}", float(1 / w[i].sum()))
            return [single(Factor(rf"w_{{{i},{at[1]}}}", float(w[at]), log_w.factor(at).ref), over)]

        about = "the share of each code in the gradient: they sum to 1 for an image"
        shares = arrays.add("shares", r"\tilde w", about, own["shares"], of_share, batch=True)
        self._operation(arrays, "forward", "Codes: their shares, a softmax", (shares, log_w), normalised)
        each = bound(log_w.values)
        bounds = arrays.add("bound", "L_k", "the bound on log p(x) of each image", each, batch=True, why=OF_BOUND)
        self._operation(arrays, "cost", "The bound of each image", (bounds, log_w), bound)
        part = Factor(rf"\left(-\frac{{1}}{{{m}}}\right)", -1 / m)
        sums = [Sum(-each / m, lambda i: (part, bounds.factor((i,))), True)]
        equation = rf"C = -\frac{{1}}{{m}} \sum_i L_{{{k},i}}"
        c = arrays.add("C", "C", "the cost of the batch", np.array(arrays.step.cost), lambda at: sums, equation=equation)
        arrays.add_operation("cost", "Cost", "C: minus the mean of the bounds", [c, bounds], [IWAE.learn], [equation])
        self.describe_parameters(arrays)

    def _operation(self, arrays: StepArrays, stage: str, title: str, of: Any, function: Any) -> None:
        documented = read(function)
        arrays.add_operation(stage, "Codes", title, list(of), [function], split(documented.equation), documented)
