"""Pixels 0 to 255 and a rate of 1: two faults at once. Expect: inputs not scaled or rate too high, both named."""
import torch, torch.nn as nn
from sklearn.datasets import load_digits
torch.manual_seed(0); d = load_digits(); X = torch.tensor(d.data * 16, dtype=torch.float32); y = torch.tensor(d.target)
n = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Linear(50, 10)); o = torch.optim.SGD(n.parameters(), 1.0)
for ep in range(10):
    for b in torch.randperm(1797).split(32): o.zero_grad(); l = nn.functional.cross_entropy(n(X[b]), y[b]); l.backward(); o.step()
