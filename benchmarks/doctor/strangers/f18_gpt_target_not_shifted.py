"""Targets are the inputs themselves (not shifted), with a causal mask: it learns to copy. Source: minGPT question threads. Expect: targets equal the inputs."""
import torch, torch.nn as nn
torch.manual_seed(0)
seq = torch.randint(0, 12, (4000,)); seq[2:] = (seq[:-2] + 3) % 12
class LM(nn.Module):
    def __init__(self, v=12, d=32, n=20):
        super().__init__(); self.e = nn.Embedding(v, d); self.p = nn.Parameter(torch.zeros(n, d)); self.l = nn.TransformerEncoderLayer(d, 4, 64, 0.0, batch_first=True); self.o = nn.Linear(d, v)
        self.register_buffer("m", torch.triu(torch.full((n, n), float("-inf")), 1))
    def forward(self, i): return self.o(self.l(self.e(i) + self.p, self.m))
lm = LM(); opt = torch.optim.Adam(lm.parameters(), 1e-3); ce = nn.CrossEntropyLoss()
for k in range(320):
    s = torch.randint(0, 3900, (24,)); x = torch.stack([seq[j:j+20] for j in s]); y = torch.stack([seq[j:j+20] for j in s])
    loss = ce(lm(x).transpose(1, 2), y); opt.zero_grad(); loss.backward(); opt.step()
