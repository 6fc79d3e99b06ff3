"""Healthy: a small causal language model, tied weights, clipping, warm-up."""
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0); text = "".join("to be or not to be that is the question whether tis nobler in the mind to suffer "[i % 81] for i in range(4000)); ch = sorted(set(text)); ids = torch.tensor([ch.index(c) for c in text]); V = len(ch)
class G(nn.Module):
    def __init__(s):
        super().__init__(); s.e = nn.Embedding(V, 32); s.p = nn.Embedding(16, 32); s.l = nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, 0.1, batch_first=True, norm_first=True), 2, enable_nested_tensor=False); s.h = nn.Linear(32, V, bias=False); s.h.weight = s.e.weight; nn.init.normal_(s.e.weight, 0, .02)
    def forward(s, x): m = nn.Transformer.generate_square_subsequent_mask(x.shape[1]); return s.h(s.l(s.e(x) + s.p(torch.arange(x.shape[1])), mask=m, is_causal=True))
g = G(); opt = torch.optim.AdamW(g.parameters(), 3e-3, weight_decay=.1); sch = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1, (s + 1) / 40))
for k in range(400):
    i = torch.randint(0, 3900, (32,)); x = torch.stack([ids[j:j+16] for j in i]); y = torch.stack([ids[j+1:j+17] for j in i]); loss = F.cross_entropy(g(x).view(-1, V), y.view(-1)); opt.zero_grad(set_to_none=True); loss.backward(); nn.utils.clip_grad_norm_(g.parameters(), 1.); opt.step(); sch.step()
