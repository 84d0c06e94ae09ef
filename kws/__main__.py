"""`python -m kws` is `kws`."""

import sys

from kws.cli.main import main

sys.exit(main())
