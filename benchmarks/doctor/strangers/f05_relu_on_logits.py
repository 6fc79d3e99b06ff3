"""ReLU after the last layer, before cross-entropy; weights of the last layer start small and negative outputs die.
Source: discuss.pytorch.org 43814 (loss stays at 2.30, all parameters negative). Expect: ReLU on the output."""
import torch, torch.nn as nn, torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(8)
d = load_digits(); X = torch.tensor(d.data / 16., dtype=torch.float32); y = torch.tensor(d.target)
class Model(nn.Module):
    def __init__(self):
        super(Model, self).__init__(); self.h = nn.Linear(64, 40); self.o = nn.Linear(40, 10)
        nn.init.constant_(self.o.bias, -0.4)
    def forward(self, x): return F.relu(self.o(F.relu(self.h(x))))
m = Model(); opt = torch.optim.SGD(m.parameters(), lr=0.1)
for epoch in range(15):
    idx = torch.randperm(len(X))
    for j in idx.split(64):
        opt.zero_grad(); F.cross_entropy(m(X[j]), y[j]).backward(); opt.step()
