"""The head is replaced after the optimiser was made, so it never learns. Source: common fine-tuning question. Expect: parameter not in the optimiser."""
import torch, torch.nn as nn
torch.manual_seed(2)
xs = torch.randn(900, 12); ys = (xs @ torch.randn(12, 6)).argmax(1)
backbone = nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
class Full(nn.Module):
    def __init__(self): super().__init__(); self.body = backbone; self.head = nn.Linear(64, 10)
    def forward(self, v): return self.head(self.body(v))
model = Full()
optim = torch.optim.SGD(model.parameters(), lr=0.05)
model.head = nn.Linear(64, 6)
loss_fn = nn.CrossEntropyLoss()
for _ in range(25):
    for k in range(0, 900, 30):
        optim.zero_grad(); loss = loss_fn(model(xs[k:k+30]), ys[k:k+30]); loss.backward(); optim.step()
