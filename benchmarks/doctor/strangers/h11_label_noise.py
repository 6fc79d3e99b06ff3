"""Healthy: 10 % of the labels are wrong, as collected; 4 classes, label smoothing."""
import torch, torch.nn as nn
torch.manual_seed(0); c = torch.randn(4, 6) * 2.5; y = torch.randint(0, 4, (1600,)); x = c[y] + torch.randn(1600, 6); bad = torch.rand(1600) < .1; y = torch.where(bad, torch.randint(0, 4, (1600,)), y)
n = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4)); o = torch.optim.AdamW(n.parameters(), 2e-3); crit = nn.CrossEntropyLoss(label_smoothing=.05)
for ep in range(10):
    for b in torch.randperm(1600).split(40): o.zero_grad(); l = crit(n(x[b]), y[b]); l.backward(); o.step()
