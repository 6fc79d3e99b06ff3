"""zero_grad never called. Source: kader-xai pytorch course, day 4. Expect: gradients pile up."""
import torch, torch.nn.functional as F
torch.manual_seed(1)
data = torch.randn(1000, 2); lab = ((data ** 2).sum(1) > 1.4).long()
net = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
def train():
    for ep in range(12):
        for b in torch.randperm(1000).split(25):
            out = net(data[b]); l = F.cross_entropy(out, lab[b])
            l.backward()
            sgd.step()
if __name__ == "__main__":
    train()
