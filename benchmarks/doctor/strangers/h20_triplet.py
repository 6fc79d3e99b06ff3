"""Healthy: metric learning with a triplet loss, no labels in the cost."""
import torch, torch.nn as nn
torch.manual_seed(0); c = torch.randn(6, 10) * 2; lab = torch.randint(0, 6, (1200,)); x = c[lab] + torch.randn(1200, 10); n = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4)); o = torch.optim.Adam(n.parameters(), 1e-3); t = nn.TripletMarginLoss()
idx = [torch.where(lab == k)[0] for k in range(6)]
for s in range(350):
    k = torch.randint(0, 6, (32,)); m = (k + torch.randint(1, 6, (32,))) % 6; pick = lambda q: torch.stack([x[idx[j][torch.randint(len(idx[j]), (1,))[0]]] for j in q.tolist()])
    l = t(n(pick(k)), n(pick(k)), n(pick(m))); o.zero_grad(); l.backward(); o.step()
