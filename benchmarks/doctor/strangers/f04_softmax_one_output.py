"""Softmax over one output with BCELoss. Source: seven of 44 question-page programs in issue 17. Expect: softmax over one."""
import torch
from torch import nn
torch.manual_seed(5)
x = torch.randn(600, 8); y = (x[:, 0] * x[:, 1] > 0).float().unsqueeze(1)
class Clf(nn.Module):
    def __init__(s):
        super().__init__(); s.l1 = nn.Linear(8, 24); s.l2 = nn.Linear(24, 1); s.act = nn.Softmax(dim=1)
    def forward(s, t): return s.act(s.l2(torch.relu(s.l1(t))))
clf = Clf(); lossf = nn.BCELoss(); o = torch.optim.Adam(clf.parameters(), 0.01)
for e in range(30):
    for i in range(0, 600, 50):
        p = clf(x[i:i + 50]); c = lossf(p, y[i:i + 50]); o.zero_grad(); c.backward(); o.step()
