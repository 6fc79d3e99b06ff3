"""Healthy: 20 classes, batch norm and dropout, cosine schedule."""
import torch, torch.nn as nn
torch.manual_seed(0); c = torch.randn(20, 16) * 2; y = torch.randint(0, 20, (3000,)); x = c[y] + torch.randn(3000, 16); n = nn.Sequential(nn.Linear(16, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(.2), nn.Linear(64, 20)); o = torch.optim.Adam(n.parameters(), 5e-3); s = torch.optim.lr_scheduler.CosineAnnealingLR(o, 6)
for ep in range(6):
    n.train()
    for b in torch.randperm(3000).split(50): o.zero_grad(); l = nn.functional.cross_entropy(n(x[b]), y[b]); l.backward(); o.step()
    s.step(); n.eval()
    with torch.no_grad(): print((n(x).argmax(1) == y).float().mean())
