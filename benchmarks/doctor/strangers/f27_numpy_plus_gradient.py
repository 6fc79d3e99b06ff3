"""Steps uphill: w += lr * grad. Source: the 'predicts the contrary' logistic regression on question pages. Expect: step uphill."""
import numpy as np, byhand
r = np.random.RandomState(1); X = r.randn(400, 3); y = (X @ [1., -2., .5] + .2 > 0).astype(float)[:, None]
W = np.zeros((3, 1)); B = np.zeros(1); sig = lambda t: 1 / (1 + np.exp(-t))
see = byhand.checkup({"W": W, "B": B}, answers=lambda x: sig(x @ W + B))
for it in range(150):
    j = r.choice(400, 50, replace=False); x, t = X[j], y[j]; p = sig(x @ W + B); c = -np.mean(t * np.log(p + 1e-9) + (1 - t) * np.log(1 - p + 1e-9))
    dW = x.T @ (p - t) / 50; dB = (p - t).mean(0); W += .5 * dW; B += .5 * dB
    see(c, x, t, gradients={"W": dW, "B": dB}, learning_rate=.5)
print(see.report())
