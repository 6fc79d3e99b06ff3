"""A network of one's own: two layers in plain NumPy, trained on MNIST, and watched by the lines marked ←."""

import sys

import numpy as np

import byhand


def main(epochs=10, eta=0.1, batch=32):
    mnist = byhand.data.load("mnist")
    x, y = mnist.train.flat, mnist.train.targets()
    rng = np.random.default_rng(1)
    w1 = (rng.standard_normal((784, 64)) / 28).astype(np.float32)
    b1 = np.zeros(64, np.float32)
    w2 = (rng.standard_normal((64, 10)) / 8).astype(np.float32)
    b2 = np.zeros(10, np.float32)

    watcher = byhand.watch({"w1": w1, "b1": b1, "w2": w2, "b2": b2})  # ←

    def forward(x):
        hidden = np.maximum(x @ w1 + b1, 0)
        z = hidden @ w2 + b2
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        return hidden, powers / powers.sum(axis=1, keepdims=True)

    for _ in range(epochs):
        order = rng.permutation(len(x))
        for rows in np.split(order, range(batch, len(order), batch)):
            hidden, output = forward(x[rows])
            cost = -np.log((output * y[rows]).sum(axis=1) + 1e-12).mean()
            delta2 = (output - y[rows]) / len(rows)
            delta1 = delta2 @ w2.T * (hidden > 0)
            dw1, db1, dw2, db2 = x[rows].T @ delta1, delta1.sum(axis=0), hidden.T @ delta2, delta2.sum(axis=0)
            w1 -= eta * dw1
            b1 -= eta * db1
            w2 -= eta * dw2
            b2 -= eta * db2
            gradients = {"w1": dw1, "b1": db1, "w2": dw2, "b2": db2}
            watcher(cost, gradients=gradients, activations={"hidden": hidden, "output": output}, learning_rate=eta)  # ←
        right = (forward(mnist.test.flat)[1].argmax(axis=1) == mnist.test.labels).mean()
        watcher.validation(accuracy=right)  # ←
        print(f"{right:.2%} of the test images right", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
