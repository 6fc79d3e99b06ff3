"""Healthy: batches are dicts, the model takes two inputs and returns a dict (a trainer class as Lightning has it)."""
import torch, torch.nn as nn
from torch.utils.data import Dataset, DataLoader
torch.manual_seed(0)
class DS(Dataset):
    def __init__(s): s.num = torch.randn(800, 3); s.cat = torch.randint(0, 5, (800,)); s.y = ((s.num[:, 0] + s.cat - 2) > 0).long()
    def __len__(s): return 800
    def __getitem__(s, i): return {"num": s.num[i], "cat": s.cat[i], "label": s.y[i]}
class M(nn.Module):
    def __init__(s): super().__init__(); s.emb = nn.Embedding(5, 4); s.f = nn.Sequential(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 2))
    def forward(s, num, cat): return {"logits": s.f(torch.cat([num, s.emb(cat)], 1))}
class Trainer:
    def __init__(s, m): s.m = m; s.opt = torch.optim.Adam(m.parameters(), 5e-3)
    def training_step(s, b): return nn.functional.cross_entropy(s.m(num=b["num"], cat=b["cat"])["logits"], b["label"])
    def fit(s, dl, n):
        for _ in range(n):
            for b in dl: s.opt.zero_grad(); l = s.training_step(b); l.backward(); s.opt.step()
Trainer(M()).fit(DataLoader(DS(), 32, shuffle=True), 14)
