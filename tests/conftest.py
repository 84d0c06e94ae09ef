"""What all tests share."""

import torch
from hypothesis import settings

# Examples take as long as the machine is busy; how long is no property of the code.
settings.register_profile("kws", deadline=None)
settings.load_profile("kws")
torch.set_num_threads(1)
