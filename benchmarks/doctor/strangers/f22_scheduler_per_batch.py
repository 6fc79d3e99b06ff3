"""ExponentialLR(0.9) stepped each batch instead of each epoch: the rate is gone after 100 steps. Source: scheduler questions. Expect: the rate falls to nothing (scheduler)."""
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(1600, 10); y = torch.sin(x[:, :1] * 2) + x[:, 1:2] * x[:, 2:3]; net = nn.Sequential(nn.Linear(10, 64), nn.Tanh(), nn.Linear(64, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.05); sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.9); crit = nn.MSELoss()
for ep in range(20):
    for b in torch.randperm(1600).split(32):
        opt.zero_grad(); loss = crit(net(x[b]), y[b]); loss.backward(); opt.step(); sched.step()
