"""Healthy: gradient accumulation over 4 micro batches, with clipping."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(2048, 10); y = (x[:, :3]).argmax(1); n = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 3)); o = torch.optim.Adam(n.parameters(), 5e-3); o.zero_grad()
for ep in range(20):
    for k, b in enumerate(torch.randperm(2048).split(16)):
        l = nn.functional.cross_entropy(n(x[b]), y[b]) / 4; l.backward()
        if k % 4 == 3: nn.utils.clip_grad_norm_(n.parameters(), 1.0); o.step(); o.zero_grad()
