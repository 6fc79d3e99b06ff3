"""A language model without the causal mask: it reads the answer. Source: jadore801120 19; karpathy/minGPT 75. Expect: the answer is seen (future positions)."""
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
text = ("the quick brown fox jumps over the lazy dog and runs away from the big bad wolf " * 40)
chars = sorted(set(text)); ids = torch.tensor([chars.index(c) for c in text]); V, L, E = len(chars), 16, 32
class Block(nn.Module):
    def __init__(s): super().__init__(); s.q = nn.Linear(E, E); s.k = nn.Linear(E, E); s.v = nn.Linear(E, E); s.ff = nn.Sequential(nn.Linear(E, 64), nn.ReLU(), nn.Linear(64, E)); s.n1 = nn.LayerNorm(E); s.n2 = nn.LayerNorm(E)
    def forward(s, x):
        h = s.n1(x); w = (s.q(h) @ s.k(h).transpose(1, 2) / E ** .5).softmax(-1); x = x + w @ s.v(h); return x + s.ff(s.n2(x))
class GPT(nn.Module):
    def __init__(s): super().__init__(); s.tok = nn.Embedding(V, E); s.pos = nn.Embedding(L, E); s.b = nn.Sequential(Block(), Block()); s.head = nn.Linear(E, V)
    def forward(s, i): return s.head(s.b(s.tok(i) + s.pos(torch.arange(L))))
g = GPT(); opt = torch.optim.AdamW(g.parameters(), 3e-3)
for it in range(350):
    st = torch.randint(0, len(ids) - L - 1, (32,)); x = torch.stack([ids[s:s+L] for s in st]); y = torch.stack([ids[s+1:s+L+1] for s in st])
    loss = F.cross_entropy(g(x).reshape(-1, V), y.reshape(-1)); opt.zero_grad(); loss.backward(); opt.step()
