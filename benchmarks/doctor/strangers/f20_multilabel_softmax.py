"""Several labels at once, but cross-entropy over softmax with the rows of 0 and 1. Source: multi-label question pages. Expect: wrong cost for several labels."""
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(1000, 10); y = (x @ torch.randn(10, 6) > 0).float()
net = nn.Sequential(nn.Linear(10, 40), nn.ReLU(), nn.Linear(40, 6)); opt = torch.optim.Adam(net.parameters(), 1e-3); crit = nn.CrossEntropyLoss()
for ep in range(15):
    for i in range(0, 1000, 50):
        opt.zero_grad(); loss = crit(net(x[i:i+50]), y[i:i+50]); loss.backward(); opt.step()
