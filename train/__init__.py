"""Makes models from recordings; imports `kws`, never the other way."""

import os

# Read when ONNX Runtime is first imported: nothing is reported to anybody.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Read when numpy is first imported. Its products here are too small for several threads, and the
# other processors are for other processes.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
