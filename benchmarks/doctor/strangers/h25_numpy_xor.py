"""Healthy: XOR in NumPy, four rows, full batch, columns are samples."""
import numpy as np, byhand
np.random.seed(1); X = np.array([[0, 0, 1, 1], [0, 1, 0, 1.]]); Y = np.array([[0, 1, 1, 0.]]); W1 = np.random.randn(4, 2); b1 = np.zeros((4, 1)); W2 = np.random.randn(1, 4); b2 = np.zeros((1, 1)); s = lambda z: 1 / (1 + np.exp(-z))
see = byhand.checkup({"W1": W1, "b1": b1, "W2": W2, "b2": b2}, answers=lambda x: s(W2 @ np.tanh(W1 @ x + b1) + b2))
for i in range(2000):
    A1 = np.tanh(W1 @ X + b1); A2 = s(W2 @ A1 + b2); c = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)); d2 = (A2 - Y) / 4; d1 = W2.T @ d2 * (1 - A1 ** 2)
    g = {"W1": d1 @ X.T, "b1": d1.sum(1, keepdims=True), "W2": d2 @ A1.T, "b2": d2.sum(1, keepdims=True)}
    W1 -= .5 * g["W1"]; b1 -= .5 * g["b1"]; W2 -= .5 * g["W2"]; b2 -= .5 * g["b2"]; see(c, X, Y, gradients=g, learning_rate=.5)
print(see.report())
