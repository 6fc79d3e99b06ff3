"""Inputs shuffled apart from labels. Source: pages' checklist 'DataLoader shuffling labels but not inputs'. Expect: labels do not belong to the inputs."""
import torch, torch.nn as nn
from sklearn.datasets import load_digits
torch.manual_seed(9)
d = load_digits(); X = torch.tensor(d.images / 16., dtype=torch.float32).unsqueeze(1); Y = torch.tensor(d.target)
X = X[torch.randperm(len(X))]
cnn = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
opt = torch.optim.Adam(cnn.parameters(), lr=2e-3)
for ep in range(6):
    p = torch.randperm(len(X))
    for i in range(0, len(X), 64):
        b = p[i:i+64]
        opt.zero_grad(); loss = nn.functional.cross_entropy(cnn(X[b]), Y[b]); loss.backward(); opt.step()
