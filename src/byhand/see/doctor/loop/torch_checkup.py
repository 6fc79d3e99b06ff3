"""The examination of a PyTorch loop: what was heard, and what the rules say of it."""

from __future__ import annotations

from byhand.see.doctor.finding import Report
from byhand.see.doctor.loop.examine_loop import examine_loop
from byhand.see.doctor.loop.torch_loop import TorchLoop
from byhand.see.doctor.loop.torch_rules import torch_rules


class TorchCheckup(TorchLoop):
    """Listens while it is entered; ask it for its `report` afterwards."""

    def report(self) -> Report:
        """What is wrong with the loop, the first thing to mend first."""
        if self.net is not None:  # chance in evaluation is meant, where no layer is there that could have been left on
            self.draws = not any("Dropout" in type(module).__name__ for module in self.net.modules())
        return examine_loop(self, torch_rules(self))
