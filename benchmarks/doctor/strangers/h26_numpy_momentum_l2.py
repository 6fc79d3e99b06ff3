"""Healthy: NumPy, L2 in the gradient, momentum, He weights, 3 classes."""
import numpy as np, byhand
r = np.random.default_rng(0); X = r.normal(size=(1200, 6)); t = (X[:, :3] + .5 * X[:, 3:]).argmax(1); Y = np.eye(3)[t]
P = {"w1": r.normal(size=(6, 32)) * (2 / 6) ** .5, "b1": np.zeros(32), "w2": r.normal(size=(32, 3)) * (2 / 32) ** .5, "b2": np.zeros(3)}; V = {k: np.zeros_like(v) for k, v in P.items()}; lam = 1e-3
def f(x): h = np.maximum(x @ P["w1"] + P["b1"], 0); z = h @ P["w2"] + P["b2"]; e = np.exp(z - z.max(1, keepdims=True)); return h, e / e.sum(1, keepdims=True)
see = byhand.checkup(P, answers=lambda x: f(x)[1])
for ep in range(10):
    for b in np.array_split(r.permutation(1200), 30):
        x, y = X[b], Y[b]; h, p = f(x); C = -np.mean(np.log((p * y).sum(1))) + lam / 2 * sum((P[k] ** 2).sum() for k in ("w1", "w2")); d = (p - y) / len(b); dh = d @ P["w2"].T * (h > 0)
        g = {"w1": x.T @ dh + lam * P["w1"], "b1": dh.sum(0), "w2": h.T @ d + lam * P["w2"], "b2": d.sum(0)}
        for k in P: V[k] = .9 * V[k] - .05 * g[k]; P[k] += V[k]
        see(C, x, y, gradients=g, learning_rate=.05)
print(see.report())
