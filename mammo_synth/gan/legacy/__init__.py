"""Reader of the reference's network pickles (StyleGAN2-ADA in PyTorch).

Such a pickle carries source code and asks its reader to run it. This one does not: opcodes are
interpreted by a small machine of ours with an explicit allow-list (:mod:`.machine`,
:mod:`.allowed`), which keeps names, settings and tensors.
"""

from .reader import NETWORKS, ReferenceNetworks, read_networks

__all__ = ["NETWORKS", "ReferenceNetworks", "read_networks"]
