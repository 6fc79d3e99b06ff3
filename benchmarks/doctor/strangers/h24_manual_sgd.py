"""Healthy: no optimiser at all, torch.no_grad and in-place updates as in the first tutorial."""
import torch
torch.manual_seed(0); x = torch.randn(800, 5); y = (x @ torch.randn(5, 3)).argmax(1); W = (torch.randn(5, 3) / 5 ** .5).requires_grad_(); b = torch.zeros(3, requires_grad=True)
for ep in range(10):
    for i in range(0, 800, 40):
        l = torch.nn.functional.cross_entropy(x[i:i+40] @ W + b, y[i:i+40]); l.backward()
        with torch.no_grad(): W -= .5 * W.grad; b -= .5 * b.grad; W.grad.zero_(); b.grad.zero_()
print(l.item())
