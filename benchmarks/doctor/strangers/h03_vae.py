"""Healthy: a VAE on digits, sum over pixels, reparametrised."""
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(0); data = torch.tensor(load_digits().data / 16, dtype=torch.float32)
class VAE(nn.Module):
    def __init__(self): super().__init__(); self.e = nn.Linear(64, 64); self.ml = nn.Linear(64, 12); self.d = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64))
    def forward(self, x): m, l = self.ml(F.relu(self.e(x))).chunk(2, 1); return self.d(m + (l / 2).exp() * torch.randn_like(l)), m, l
v = VAE(); opt = torch.optim.Adam(v.parameters(), 1e-3)
for ep in range(15):
    for b in torch.randperm(1797).split(64):
        r, m, l = v(data[b]); loss = (F.binary_cross_entropy_with_logits(r, data[b], reduction="sum") - .5 * (1 + l - m ** 2 - l.exp()).sum()) / len(b); opt.zero_grad(); loss.backward(); opt.step()
