"""nn.LSTM without batch_first on (batch, time, feature): the batch is read as time. Source: discuss.pytorch.org 62364; taourl.com. Expect: samples of a batch are mixed."""
import torch, torch.nn as nn
torch.manual_seed(0)
x = torch.randn(960, 12, 3); y = (x[:, :, 0].sum(1) > 0).long()
class R(nn.Module):
    def __init__(self): super().__init__(); self.rnn = nn.LSTM(3, 24); self.fc = nn.Linear(24, 2)
    def forward(self, s): o, _ = self.rnn(s); return self.fc(o[:, -1])
r = R(); opt = torch.optim.Adam(r.parameters(), 5e-3); ce = nn.CrossEntropyLoss()
for ep in range(15):
    for b in torch.randperm(960).split(32):
        opt.zero_grad(); loss = ce(r(x[b]), y[b]); loss.backward(); opt.step()
