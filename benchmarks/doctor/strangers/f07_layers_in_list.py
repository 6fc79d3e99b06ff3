"""Layers in a plain Python list. Source: discuss.pytorch.org 159152 (Seq2Dense keeps _denselayers in a list; generalised). Expect: layers not registered / not in optimiser."""
import torch
from torch import nn
torch.manual_seed(4)
a = torch.rand(700, 6) * 2 - 1; t = (torch.sin(3 * a[:, :1]) + a[:, 1:2] * a[:, 2:3])
class Reg(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(6, 40), nn.Linear(40, 40)]
        self.out = nn.Linear(40, 1)
    def forward(self, z):
        for h in self.hidden: z = torch.tanh(h(z))
        return self.out(z)
reg = Reg(); opt = torch.optim.Adam(reg.parameters(), lr=3e-3); mse = nn.MSELoss()
for epoch in range(40):
    for i in range(0, 700, 70):
        opt.zero_grad(); loss = mse(reg(a[i:i+70]), t[i:i+70]); loss.backward(); opt.step()
