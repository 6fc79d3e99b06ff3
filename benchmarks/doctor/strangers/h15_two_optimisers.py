"""Healthy: two optimisers, one for the body and one for the head, with their own rates."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(1200, 10); y = (x[:, 0] * x[:, 1] > 0).long(); body = nn.Sequential(nn.Linear(10, 64), nn.ReLU()); head = nn.Linear(64, 2); oa = torch.optim.Adam(body.parameters(), 2e-3); ob = torch.optim.SGD(head.parameters(), .05)
for ep in range(20):
    for b in torch.randperm(1200).split(40): l = nn.functional.cross_entropy(head(body(x[b])), y[b]); oa.zero_grad(); ob.zero_grad(); l.backward(); oa.step(); ob.step()
