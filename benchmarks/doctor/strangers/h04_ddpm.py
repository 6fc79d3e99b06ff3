"""Healthy: DDPM on two clusters with sinusoidal time."""
import torch, torch.nn as nn
torch.manual_seed(0); T = 200; be = torch.linspace(1e-4, .06, T); ab = torch.cumprod(1 - be, 0)
pts = (torch.randn(3000, 2) * .15 + torch.tensor([[1., 1.], [-1., -1.]])[torch.randint(0, 2, (3000,))])
def emb(t): f = torch.exp(-torch.arange(16) / 16 * 6.); a = t[:, None] * f; return torch.cat([a.sin(), a.cos()], 1)
class N(nn.Module):
    def __init__(s): super().__init__(); s.a = nn.Linear(2, 64); s.t = nn.Linear(32, 64); s.b = nn.Linear(64, 64); s.o = nn.Linear(64, 2)
    def forward(s, x, t): h = torch.relu(s.a(x) + s.t(emb(t))); return s.o(torch.relu(s.b(h)))
n = N(); opt = torch.optim.Adam(n.parameters(), 2e-3)
for k in range(500):
    x0 = pts[torch.randint(3000, (128,))]; t = torch.randint(0, T, (128,)); e = torch.randn_like(x0); a = ab[t, None]; loss = nn.functional.mse_loss(n(a.sqrt() * x0 + (1 - a).sqrt() * e, t), e); opt.zero_grad(); loss.backward(); opt.step()
