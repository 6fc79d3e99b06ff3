"""Accumulation, but zero_grad at each micro batch: only the last counts. Source: gradient accumulation questions. Expect: gradients thrown away before the step."""
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(1024, 16); y = (x @ torch.randn(16, 3)).argmax(1); net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3)); opt = torch.optim.SGD(net.parameters(), 0.05)
ACC = 8
for ep in range(60):
    for k, i in enumerate(range(0, 1024, 16)):
        opt.zero_grad()
        (nn.functional.cross_entropy(net(x[i:i+16]), y[i:i+16]) / ACC).backward()
        if (k + 1) % ACC == 0: opt.step()
