"""Noise drawn with rand_like (uniform) instead of randn_like. Source: DDPM question pages. Expect: noise is not N(0, 1)."""
import torch
from torch import nn
torch.manual_seed(0)
steps = 200; betas = torch.linspace(1e-4, 0.05, steps); ab = (1 - betas).cumprod(0)
data = torch.randn(3000, 1) * .2 + torch.where(torch.rand(3000, 1) > .5, 1.5, -1.5)
class M(nn.Module):
    def __init__(s): super().__init__(); s.n = nn.Sequential(nn.Linear(2, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
    def forward(s, x, t): return s.n(torch.cat([x, t.float()[:, None] / steps], 1))
m = M(); o = torch.optim.AdamW(m.parameters(), lr=1e-3)
for it in range(500):
    x = data[torch.randint(3000, (256,))]; t = torch.randint(steps, (256,)); eps = torch.rand_like(x)
    xt = ab[t].sqrt()[:, None] * x + (1 - ab[t]).sqrt()[:, None] * eps
    l = nn.functional.mse_loss(m(xt, t), eps); o.zero_grad(); l.backward(); o.step()
