"""sigmoid'(a) where sigmoid'(z) is meant: sigma is taken again of the activation. Source: from-scratch questions (sig_deriv given a or z). Expect: gradient of w1 wrong."""
import numpy as np, byhand
rng = np.random.default_rng(3)
def sigmoid(z): return 1.0 / (1.0 + np.exp(-z))
def sigmoid_prime(z): return sigmoid(z) * (1 - sigmoid(z))
x_all = rng.uniform(-1, 1, (1200, 2)); y_all = (x_all[:, :1] * x_all[:, 1:] > 0) * 1.0
p = dict(W1=rng.normal(0, 3, (2, 10)), b1=np.zeros((1, 10)), W2=rng.normal(0, 1, (10, 1)), b2=np.zeros((1, 1)))
def predict(x): return sigmoid(sigmoid(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"])
see = byhand.checkup(p, answers=predict)
for step in range(200):
    k = rng.integers(0, 1200, 40); x, y = x_all[k], y_all[k]; a1 = sigmoid(x @ p["W1"] + p["b1"]); a2 = sigmoid(a1 @ p["W2"] + p["b2"])
    cost = np.mean((a2 - y) ** 2); d2 = 2 * (a2 - y) * a2 * (1 - a2) / 40; d1 = d2 @ p["W2"].T * sigmoid_prime(a1)
    g = dict(W1=x.T @ d1, b1=d1.sum(0, keepdims=True), W2=a1.T @ d2, b2=d2.sum(0, keepdims=True))
    for n in p: p[n] -= 2.0 * g[n]
    see(cost, x, y, gradients=g, learning_rate=2.0)
print(see.report())
