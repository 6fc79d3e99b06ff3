"""Healthy: six labels at once, BCE."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(1200, 10); y = (x @ torch.randn(10, 6) > .5).float(); n = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 6)); o = torch.optim.Adam(n.parameters(), 4e-3); c = nn.BCEWithLogitsLoss()
for ep in range(12):
    for b in torch.randperm(1200).split(40): o.zero_grad(); l = c(n(x[b]), y[b]); l.backward(); o.step()
