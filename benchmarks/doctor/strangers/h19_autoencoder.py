"""Healthy: a convolutional autoencoder; targets are the inputs, on purpose."""
import torch, torch.nn as nn
from sklearn.datasets import load_digits
torch.manual_seed(0); X = torch.tensor(load_digits().images / 16, dtype=torch.float32)[:, None]
net = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU(), nn.ConvTranspose2d(8, 1, 2, 2), nn.Sigmoid()); o = torch.optim.Adam(net.parameters(), 5e-3)
for ep in range(10):
    for b in torch.randperm(1797).split(64): o.zero_grad(); l = nn.functional.mse_loss(net(X[b]), X[b]); l.backward(); o.step()
