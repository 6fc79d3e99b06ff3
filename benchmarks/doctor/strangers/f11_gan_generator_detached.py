"""The fake picture is detached in the generator's step too. Source: nikhilsinghmus/image2reverb 37, wangle53/CSA-CDGAN 5. Expect: generator gets no gradient."""
import torch, torch.nn as nn
torch.manual_seed(0)
ang = torch.rand(2048) * 6.283; real_data = torch.stack([ang.cos(), ang.sin()], 1) * 2
G = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2)); D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(.2), nn.Linear(32, 1))
og = torch.optim.Adam(G.parameters(), 1e-3, betas=(.5, .999)); od = torch.optim.Adam(D.parameters(), 1e-3, betas=(.5, .999))
bce = nn.BCEWithLogitsLoss(); one, zero = torch.ones(64, 1), torch.zeros(64, 1)
for step in range(400):
    real = real_data[torch.randint(0, 2048, (64,))]
    fake = G(torch.randn(64, 4)).detach()
    od.zero_grad(); ld = bce(D(real), one) + bce(D(fake), zero); ld.backward(); od.step()
    og.zero_grad(); lg = bce(D(fake), one); lg.backward(); og.step()
