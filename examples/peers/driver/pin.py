"""Which core does what: the client on one, the server on another."""

import os

_CORES = sorted(os.sched_getaffinity(0))
CLIENT_CORE = str(_CORES[-1])
SERVER_CORE = str(_CORES[0])
EVERY_CORE = ",".join(map(str, _CORES))
