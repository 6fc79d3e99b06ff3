"""Healthy: yes/no with one logit, pos_weight, 9:1."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(1500, 6); y = (x[:, 0] + x[:, 1] ** 2 > 2.6).float(); n = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1)); o = torch.optim.Adam(n.parameters(), 3e-3); c = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.))
for ep in range(12):
    for b in torch.randperm(1500).split(50): o.zero_grad(); l = c(n(x[b]).squeeze(1), y[b]); l.backward(); o.step()
