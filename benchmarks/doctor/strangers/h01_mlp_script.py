"""Healthy: the plain loop of the tutorials, on blobs of 5 classes."""
import torch, torch.nn as nn
torch.manual_seed(0); c = torch.randn(5, 8) * 3; y = torch.randint(0, 5, (1500,)); x = c[y] + torch.randn(1500, 8)
net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 5)); opt = torch.optim.SGD(net.parameters(), lr=.05, momentum=.9); crit = nn.CrossEntropyLoss()
for ep in range(8):
    for b in torch.randperm(1500).split(50): opt.zero_grad(); l = crit(net(x[b]), y[b]); l.backward(); opt.step()
