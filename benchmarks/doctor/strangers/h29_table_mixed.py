"""Healthy: a table, one-hot and scaled columns, counts (few values, rows repeat), regression of a count with Poisson loss."""
import torch, torch.nn as nn
torch.manual_seed(0); k = torch.randint(0, 4, (1500,)); m = torch.randint(0, 3, (1500,)).float(); x = torch.cat([nn.functional.one_hot(k, 4).float(), (m[:, None] - 1)], 1); y = torch.poisson(torch.exp(.4 * k.float() - .3 * m))
n = nn.Sequential(nn.Linear(5, 24), nn.ReLU(), nn.Linear(24, 1)); o = torch.optim.Adam(n.parameters(), 5e-3); c = nn.PoissonNLLLoss()
for ep in range(15):
    for b in torch.randperm(1500).split(50): o.zero_grad(); l = c(n(x[b])[:, 0], y[b]); l.backward(); o.step()
