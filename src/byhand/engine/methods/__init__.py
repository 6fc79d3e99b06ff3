"""What a tensor can be asked, and do by name, one file for each kind of question.

Names are NumPy's, and PyTorch's where they differ: `axis` may be called `dim`, and `keepdims` may be called `keepdim`.
"""

from __future__ import annotations

from byhand.engine.methods.channels_first import ChannelsFirst
from byhand.engine.methods.functions import Functions
from byhand.engine.methods.kinds import Kinds
from byhand.engine.methods.linalg import Algebra
from byhand.engine.methods.networks import Networks
from byhand.engine.methods.new import New
from byhand.engine.methods.order import Order
from byhand.engine.methods.parts import Parts
from byhand.engine.methods.shapes import Shapes
from byhand.engine.methods.sums import Sums


class Methods(Functions, Sums, Order, Shapes, Parts, Algebra, ChannelsFirst, Networks, Kinds, New):
    """The methods of `Tensor` that are no part of the tape."""

    __slots__ = ()
