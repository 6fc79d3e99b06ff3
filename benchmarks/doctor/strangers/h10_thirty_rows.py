"""Healthy: 30 rows, full batch, weight decay."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(30, 4); y = (x[:, 0] - x[:, 1] > 0).long(); n = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)); o = torch.optim.SGD(n.parameters(), .1, weight_decay=1e-3)
for s in range(200): o.zero_grad(); l = nn.functional.cross_entropy(n(x), y); l.backward(); o.step()
