"""Healthy: linear regression by gradient descent, half the mean square."""
import numpy as np, byhand
r = np.random.default_rng(0); X = r.normal(size=(300, 2)); y = X @ np.array([[3.], [-1.]]) + 2 + .1 * r.normal(size=(300, 1)); w = np.zeros((2, 1)); b = np.zeros(1)
see = byhand.checkup({"w": w, "b": b}, answers=lambda x: x @ w + b)
for i in range(200):
    e = X @ w + b - y; J = (e ** 2).mean() / 2; gw = X.T @ e / 300; gb = e.mean(0); w -= .1 * gw; b -= .1 * gb; see(J, X, y, gradients={"w": gw, "b": gb}, learning_rate=.1)
print(see.report())
