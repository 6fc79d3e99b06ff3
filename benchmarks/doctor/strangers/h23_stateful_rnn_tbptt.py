"""Healthy: truncated backpropagation through time, the state kept over batches and detached, on purpose."""
import torch, torch.nn as nn
torch.manual_seed(0); t = torch.arange(0, 4000) * .1; sig = torch.sin(t) * torch.cos(.37 * t); streams = sig.view(8, 500).unsqueeze(-1)
class R(nn.Module):
    def __init__(s): super().__init__(); s.r = nn.RNN(1, 24, batch_first=True); s.o = nn.Linear(24, 1)
    def forward(s, x, h): y, h = s.r(x, h); return s.o(y), h
m = R(); o = torch.optim.Adam(m.parameters(), 3e-3)
for ep in range(25):
    h = torch.zeros(1, 8, 24)
    for i in range(0, 480, 20):
        h = h.detach(); p, h = m(streams[:, i:i+20], h); l = nn.functional.mse_loss(p, streams[:, i+1:i+21]); o.zero_grad(); l.backward(); nn.utils.clip_grad_norm_(m.parameters(), 1.); o.step()
