"""Healthy: autocast to bfloat16 on the CPU."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(1500, 12); y = (x @ torch.randn(12, 4)).argmax(1); n = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 4)); o = torch.optim.Adam(n.parameters(), 2e-3)
for ep in range(10):
    for b in torch.randperm(1500).split(50):
        o.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16): l = nn.functional.cross_entropy(n(x[b]), y[b])
        l.backward(); o.step()
