"""Softmax at the end with CrossEntropyLoss, sigmoids in six layers, SGD at 1e-4: three faults at once.
Source: datafield.dev case study 1. Expect: softmax twice first, or vanishing/rate too low among them."""
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader
torch.manual_seed(0)
x = torch.rand(800, 50); y = (x[:, :10].sum(1) > x[:, 10:20].sum(1)).long() + 2 * (x[:, 20] > 0.5).long()
loader = DataLoader(TensorDataset(x, y), 32, shuffle=True)
layers = []
for a, b in [(50, 64), (64, 64), (64, 64), (64, 32), (32, 16)]:
    layers += [nn.Linear(a, b), nn.Sigmoid()]
model = nn.Sequential(*layers, nn.Linear(16, 4), nn.Softmax(dim=1))
criterion, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=1e-4)
for epoch in range(10):
    for inputs, targets in loader:
        opt.zero_grad(); loss = criterion(model(inputs), targets); loss.backward(); opt.step()
