"""sigmoid in the model and BCEWithLogitsLoss, imbalanced 9:1. Source: question pages. Expect: sigmoid twice."""
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(1000, 6); y = (x[:, 0] + .5 * x[:, 1] > 1.45).float()[:, None]
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid()); opt = torch.optim.Adam(net.parameters(), 3e-3); crit = nn.BCEWithLogitsLoss()
for ep in range(20):
    for i in range(0, 1000, 50):
        opt.zero_grad(); loss = crit(net(x[i:i+50]), y[i:i+50]); loss.backward(); opt.step()
