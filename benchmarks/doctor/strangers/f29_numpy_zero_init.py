"""All weights zero: the hidden units stay alike. Source: Coursera notebooks' question. Expect: units alike / weights zero."""
import numpy as np, byhand
rng = np.random.default_rng(2); X = rng.normal(size=(600, 4)); Y = np.eye(3)[(X[:, :3]).argmax(1)]
W1, c1, W2, c2 = np.zeros((4, 16)), np.zeros(16), np.zeros((16, 3)), np.zeros(3)
def net(x):
    h = np.maximum(0, x @ W1 + c1); s = h @ W2 + c2; e = np.exp(s - s.max(1, keepdims=True)); return h, e / e.sum(1, keepdims=True)
see = byhand.checkup({"W1": W1, "c1": c1, "W2": W2, "c2": c2}, answers=lambda x: net(x)[1])
for e in range(8):
    for i in range(0, 600, 40):
        x, y = X[i:i+40], Y[i:i+40]; h, p = net(x); C = -np.log((p * y).sum(1)).mean(); d = (p - y) / 40; dh = (d @ W2.T) * (h > 0)
        gr = {"W1": x.T @ dh, "c1": dh.sum(0), "W2": h.T @ d, "c2": d.sum(0)}
        W1 -= gr["W1"]; c1 -= gr["c1"]; W2 -= gr["W2"]; c2 -= gr["c2"]; see(C, x, y, gradients=gr, learning_rate=1.)
print(see.report())
