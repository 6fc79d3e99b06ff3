"""Healthy: a GAN on a ring, non-saturating loss, fakes not detached in the discriminator's step but zeroed after (yunjey 56)."""
import torch, torch.nn as nn
torch.manual_seed(0); a = torch.rand(4000) * 6.283; ring = torch.stack([a.cos(), a.sin()], 1) + .05 * torch.randn(4000, 2)
G = nn.Sequential(nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)); D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(.2), nn.Linear(64, 64), nn.LeakyReLU(.2), nn.Linear(64, 1), nn.Sigmoid())
go, do = torch.optim.Adam(G.parameters(), 1e-3, (.5, .9)), torch.optim.Adam(D.parameters(), 1e-3, (.5, .9)); bce = nn.BCELoss()
for s in range(400):
    r = ring[torch.randint(4000, (128,))]; f = G(torch.randn(128, 3)); dl = bce(D(r), torch.ones(128, 1)) + bce(D(f), torch.zeros(128, 1))
    do.zero_grad(); go.zero_grad(); dl.backward(); do.step()
    f = G(torch.randn(128, 3)); gl = bce(D(f), torch.ones(128, 1)); do.zero_grad(); go.zero_grad(); gl.backward(); go.step()
