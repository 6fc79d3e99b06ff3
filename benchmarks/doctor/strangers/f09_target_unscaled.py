"""House prices around 300,000 as targets, inputs unscaled, SGD 1e-7 because more gives nan. Source: regression question pages. Expect: targets (or inputs) not scaled."""
import torch, numpy as np
rng = np.random.default_rng(0)
rooms = rng.integers(1, 8, 400); area = rng.uniform(30, 250, 400); year = rng.integers(1950, 2020, 400)
price = 2500 * area + 20000 * rooms + 900 * (year - 1950) + rng.normal(0, 15000, 400)
X = torch.tensor(np.c_[rooms, area, year], dtype=torch.float32); y = torch.tensor(price, dtype=torch.float32).view(-1, 1)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
opt = torch.optim.SGD(net.parameters(), lr=1e-9)
crit = torch.nn.MSELoss()
for epoch in range(100):
    for i in range(0, 400, 40):
        opt.zero_grad(); l = crit(net(X[i:i+40]), y[i:i+40]); l.backward(); opt.step()
print("rmse", l.item() ** .5)
