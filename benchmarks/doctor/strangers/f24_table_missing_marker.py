"""A table with -999 for missing in one column, not scaled. Source: Kaggle questions. Expect: the marker/column out of scale."""
import numpy as np, torch
rng = np.random.default_rng(1); n = 900
age = rng.uniform(18, 80, n); income = rng.lognormal(10, .5, n); score = rng.normal(0, 1, n); score[rng.random(n) < .15] = -999
t = ((age - 40) / 20 + np.log(income) - 10 + np.where(score > -900, score, 0) > .4).astype("int64")
X = torch.tensor(np.c_[(age - age.mean()) / age.std(), (np.log(income) - 10) / .5, score], dtype=torch.float32); y = torch.tensor(t); torch.manual_seed(0)
m = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2)); opt = torch.optim.SGD(m.parameters(), .01)
for ep in range(30):
    for i in range(0, n, 30):
        opt.zero_grad(); torch.nn.functional.cross_entropy(m(X[i:i+30]), y[i:i+30]).backward(); opt.step()
