"""The divergence with the wrong sign. Source: hhb072/IntroVAE 5, wiseodd/generative-models 43. Expect: KL rewarded (sign of the divergence)."""
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(0)
data = torch.tensor(load_digits().data / 16, dtype=torch.float32)
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(64, 48); self.mu = nn.Linear(48, 6); self.lv = nn.Linear(48, 6); self.d1 = nn.Linear(6, 48); self.d2 = nn.Linear(48, 64)
    def forward(self, x):
        h = F.relu(self.enc(x)); mu, logvar = self.mu(h), self.lv(h)
        z = mu + torch.exp(.5 * logvar) * torch.randn_like(mu)
        return torch.sigmoid(self.d2(F.relu(self.d1(z)))), mu, logvar
vae = VAE(); optimizer = torch.optim.Adam(vae.parameters(), 1e-3)
for epoch in range(12):
    for batch in torch.randperm(len(data)).split(64):
        x = data[batch]; recon, mu, logvar = vae(x)
        bce = F.binary_cross_entropy(recon, x, reduction="sum"); kld = 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        loss = (bce + kld) / len(x)
        optimizer.zero_grad(); loss.backward(); optimizer.step()
