"""Healthy: WGAN with gradient penalty; five critic steps to one of the generator; the loss may be negative."""
import torch, torch.nn as nn
torch.manual_seed(0); data = torch.randn(3000, 2) * .3 + torch.tensor([[2., 0.], [0., 2.], [-2., 0.]])[torch.randint(0, 3, (3000,))]
G = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 2)); C = nn.Sequential(nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 1)); og, oc = torch.optim.Adam(G.parameters(), 1e-3, (0., .9)), torch.optim.Adam(C.parameters(), 1e-3, (0., .9))
for s in range(300):
    x = data[torch.randint(3000, (64,))]; f = G(torch.randn(64, 4)).detach(); u = torch.rand(64, 1); m = (u * x + (1 - u) * f).requires_grad_(); g, = torch.autograd.grad(C(m).sum(), m, create_graph=True)
    lc = C(f).mean() - C(x).mean() + 10 * ((g.norm(dim=1) - 1) ** 2).mean(); oc.zero_grad(); lc.backward(); oc.step()
    if s % 5 == 4: lg = -C(G(torch.randn(64, 4))).mean(); og.zero_grad(); lg.backward(); og.step()
