"""The time never reaches the network (the embedding is computed and dropped). Source: DDPM from-scratch issues. Expect: an input (time) is not used / embedding without gradient."""
import torch, torch.nn as nn
torch.manual_seed(0)
T = 100; beta = torch.linspace(1e-4, .1, T); abar = torch.cumprod(1 - beta, 0)
pts = torch.randn(2000, 2) * .1 + torch.tensor([[2., 0.], [-2., 0.]])[torch.randint(0, 2, (2000,))]
class Eps(nn.Module):
    def __init__(self): super().__init__(); self.temb = nn.Embedding(T, 32); self.inp = nn.Linear(2, 64); self.mid = nn.Linear(64, 64); self.out = nn.Linear(64, 2)
    def forward(self, x, t):
        e = self.temb(t); h = torch.relu(self.inp(x)); return self.out(torch.relu(self.mid(h)))
net = Eps(); opt = torch.optim.Adam(net.parameters(), 2e-3)
for step in range(400):
    x0 = pts[torch.randint(0, 2000, (128,))]; t = torch.randint(0, T, (128,)); n = torch.randn_like(x0); a = abar[t][:, None]
    loss = ((net(a.sqrt() * x0 + (1 - a).sqrt() * n, t) - n) ** 2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
