"""Healthy: fine-tuning, the backbone frozen on purpose, the optimiser is given only what learns."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(1000, 16); y = (x[:, 0] > 0).long(); back = nn.Sequential(nn.Linear(16, 128), nn.ReLU()); head = nn.Linear(128, 2); m = nn.Sequential(back, head)
for p in back.parameters(): p.requires_grad_(False)
o = torch.optim.Adam([p for p in m.parameters() if p.requires_grad], 3e-3)
for ep in range(15):
    for b in torch.randperm(1000).split(40): o.zero_grad(); l = nn.functional.cross_entropy(m(x[b]), y[b]); l.backward(); o.step()
