#!/bin/sh
# Run the tests of meterx-sim on serial lines; skipped where there is no Python 3.
python=${PYTHON:-$(command -v python3)}
[ -n "$python" ] || { echo "no python3: skipped"; exit 77; }
exec "$python" -B "$(dirname "$0")/test_serial.py"
