"""softmax divides by the sum over the whole batch. Source: stats.stackexchange 550353 (s = z.sum()); wiki.kunaldawn 76450489. Expect: softmax over the wrong axis."""
import numpy as np, byhand
rng = np.random.default_rng(0); X = rng.normal(size=(900, 8)); Y = np.eye(4)[(X @ rng.normal(size=(8, 4))).argmax(1)]
w1 = rng.normal(size=(8, 24)) * .5; b1 = np.zeros(24); w2 = rng.normal(size=(24, 4)) * .3; b2 = np.zeros(4)
def forward(x):
    z1 = x @ w1 + b1; a1 = np.tanh(z1); e = np.exp(a1 @ w2 + b2); return a1, e / e.sum()
see = byhand.checkup({"w1": w1, "b1": b1, "w2": w2, "b2": b2}, answers=lambda x: forward(x)[-1])
for ep in range(10):
    for i in range(0, 900, 30):
        x, y = X[i:i+30], Y[i:i+30]; a1, p = forward(x); cost = -np.mean(np.sum(y * np.log(p + 1e-12), 1))
        d = (p - y) / 30; g2 = a1.T @ d; gb2 = d.sum(0); h = d @ w2.T * (1 - a1 ** 2); g1 = x.T @ h; gb1 = h.sum(0)
        for q, g in ((w1, g1), (b1, gb1), (w2, g2), (b2, gb2)): q -= .3 * g
        see(cost, x, y, gradients={"w1": g1, "b1": gb1, "w2": g2, "b2": gb2}, learning_rate=.3)
print(see.report())
