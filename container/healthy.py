"""The image's health check: exits with 0 if the daemon in this container reports no fault."""

import os
import sys
from http.client import HTTPConnection, HTTPException

daemon = HTTPConnection("127.0.0.1", int(os.environ.get("KWS_SERVER__PORT", "8000")), timeout=2)
try:
    daemon.request("GET", "/health")
    answer = daemon.getresponse()
    print(answer.read().decode())  # the engine keeps it: `docker inspect`
except (OSError, HTTPException) as error:
    sys.exit(f"no answer: {error}")
sys.exit(answer.status != 200)
