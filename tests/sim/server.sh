#!/bin/sh
# Run the tests of meterx-sim over its sockets; skipped where there is no Python 3.
python=${PYTHON:-$(command -v python3)}
[ -n "$python" ] || { echo "no python3: skipped"; exit 77; }
exec "$python" "$(dirname "$0")/test_server.py"
