"""g_optimizer used where d_optimizer is meant. Source: Lornatang/ESRGAN-PyTorch 39. Expect: discriminator never stepped / its optimiser has the generator's parameters."""
import torch
from torch import nn, optim
torch.manual_seed(1)
gen = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1)); dis = nn.Sequential(nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid())
g_optimizer = optim.Adam(gen.parameters(), lr=2e-4); d_optimizer = optim.Adam(gen.parameters(), lr=2e-4)
loss = nn.BCELoss()
for it in range(350):
    x = torch.randn(128, 1) * .5 + 3
    z = torch.randn(128, 8)
    d_optimizer.zero_grad()
    dl = loss(dis(x), torch.ones(128, 1)) + loss(dis(gen(z).detach()), torch.zeros(128, 1))
    dl.backward(); d_optimizer.step()
    g_optimizer.zero_grad()
    gl = loss(dis(gen(z)), torch.ones(128, 1)); gl.backward(); g_optimizer.step()
