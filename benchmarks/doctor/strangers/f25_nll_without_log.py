"""NLLLoss on softmax, not log-softmax. Source: question pages. Expect: nll_loss wants log-probabilities."""
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(800, 5); y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(5, 20), nn.ReLU(), nn.Linear(20, 3), nn.Softmax(1)); opt = torch.optim.SGD(net.parameters(), .1); crit = nn.NLLLoss()
for ep in range(20):
    for i in range(0, 800, 40):
        opt.zero_grad(); l = crit(net(x[i:i+40]), y[i:i+40]); l.backward(); opt.step()
