"""model.eval() before the first epoch, never train() again. Batch norm's statistics never move.
Source: datafield.dev case study 1 (a 6-layer sigmoid net, eval in the loop). Expect: eval mode."""
import torch, torch.nn as nn
torch.manual_seed(3)
X = torch.randn(1200, 20) * 4 + 7
W = torch.randn(20, 5)
Y = ((X - 7) @ W).argmax(1)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 64); self.bn = nn.BatchNorm1d(64); self.drop = nn.Dropout(0.2); self.fc2 = nn.Linear(64, 5)
    def forward(self, x): return self.fc2(self.drop(torch.relu(self.bn(self.fc1(x)))))
model = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
model.eval()
for epoch in range(20):
    perm = torch.randperm(1200)
    for i in range(0, 1200, 64):
        idx = perm[i:i + 64]
        optimizer.zero_grad()
        loss = criterion(model(X[idx]), Y[idx])
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
