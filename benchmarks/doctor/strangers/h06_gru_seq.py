"""Healthy: GRU in PyTorch's own order (time, batch, feature); last state classified."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.randn(10, 1200, 2); y = (x[..., 0].sum(0) > x[..., 1].sum(0)).long()
class R(nn.Module):
    def __init__(s): super().__init__(); s.g = nn.GRU(2, 32); s.f = nn.Linear(32, 2)
    def forward(s, q): return s.f(s.g(q)[1][0])
r = R(); opt = torch.optim.RMSprop(r.parameters(), 2e-3)
for ep in range(10):
    for b in torch.randperm(1200).split(40): opt.zero_grad(); l = nn.functional.cross_entropy(r(x[:, b]), y[b]); l.backward(); opt.step()
