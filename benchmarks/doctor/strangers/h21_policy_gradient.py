"""Healthy: REINFORCE on a bandit with context; the loss is of one's own."""
import torch, torch.nn as nn
torch.manual_seed(0); W = torch.randn(4, 3); pi = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 3)); o = torch.optim.Adam(pi.parameters(), 5e-3); base = 0.
for s in range(400):
    st = torch.randn(64, 4); d = torch.distributions.Categorical(logits=pi(st)); a = d.sample(); r = (a == (st @ W).argmax(1)).float(); base = .9 * base + .1 * r.mean().item()
    l = -(d.log_prob(a) * (r - base)).mean() - .01 * d.entropy().mean(); o.zero_grad(); l.backward(); o.step()
