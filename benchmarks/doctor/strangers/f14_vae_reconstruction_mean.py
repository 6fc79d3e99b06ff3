"""Reconstruction is a mean over pixels, divergence a sum: the code collapses. Source: AppliedDataSciencePartners/WorldModels 12; keras 3383. Expect: collapse / scale of the divergence."""
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(1)
X = torch.tensor(load_digits().data / 16, dtype=torch.float32)
class AE(nn.Module):
    def __init__(s):
        super().__init__(); s.e = nn.Sequential(nn.Linear(64, 64), nn.ReLU()); s.m = nn.Linear(64, 8); s.s = nn.Linear(64, 8); s.d = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid())
    def forward(s, x):
        h = s.e(x); m, l = s.m(h), s.s(h); return s.d(m + torch.randn_like(m) * (l / 2).exp()), m, l
net = AE(); opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for ep in range(15):
    for i in range(0, len(X), 100):
        x = X[i:i+100]; r, m, l = net(x)
        kl = -0.5 * (1 + l - m ** 2 - l.exp()).sum(1).mean()
        loss = F.mse_loss(r, x) + kl
        opt.zero_grad(); loss.backward(); opt.step()
