"""Target (N,), prediction (N, 1): MSE broadcasts to (N, N). Source: PyTorch forum classic. Expect: shapes broadcast."""
import torch, warnings
warnings.filterwarnings("ignore")
torch.manual_seed(6)
x = torch.randn(500, 4); y = x[:, 0] * 2 - x[:, 1] + 0.3 * x[:, 2] ** 2
m = torch.nn.Sequential(torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
opt = torch.optim.Adam(m.parameters(), lr=1e-2)
for epoch in range(30):
    for i in range(0, 500, 50):
        pred = m(x[i:i+50])
        loss = ((pred - y[i:i+50]) ** 2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
