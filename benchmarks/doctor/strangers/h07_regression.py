"""Healthy: regression with scaled target, SmoothL1."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.rand(1000, 5) * 2 - 1; y = x[:, :1] ** 2 - x[:, 1:2] * x[:, 2:3] + .1 * torch.randn(1000, 1)
n = nn.Sequential(nn.Linear(5, 64), nn.GELU(), nn.Linear(64, 1)); o = torch.optim.Adam(n.parameters(), 3e-3); c = nn.SmoothL1Loss()
for ep in range(20):
    for b in torch.randperm(1000).split(40): o.zero_grad(); l = c(n(x[b]), y[b]); l.backward(); o.step()
