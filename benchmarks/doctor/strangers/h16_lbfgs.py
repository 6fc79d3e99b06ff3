"""Healthy: L-BFGS with a closure on the whole batch."""
import torch, torch.nn as nn
torch.manual_seed(0); x = torch.linspace(-3, 3, 200)[:, None]; y = torch.sin(x); n = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1)); o = torch.optim.LBFGS(n.parameters(), lr=.5, max_iter=10, line_search_fn="strong_wolfe")
def closure(): o.zero_grad(); l = ((n(x) - y) ** 2).mean(); l.backward(); return l
for k in range(30): print(o.step(closure).item())
