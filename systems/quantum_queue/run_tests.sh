#!/usr/bin/env bash
# Validates a queue that is already running, for a CI that knows nothing of Seatrial.
#
#   waits until /health says healthy (TEST_TIMEOUT seconds, default 60), runs the P1 trials and
#   stops if they fail, runs the P2 trials, which only warn; the exit code is that of P1, or
#   2 for a variable that holds nothing sensible, 3 for an API that does not become healthy
#
# Where the deployment is, is said by the TEST_* variables: see README.md. The results go to
# RESULTS_DIR (default: here): test-results-p1.json, test-report-p1.html, and the same for p2.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=${RESULTS_DIR:-$PWD}
url=${TEST_API_URL:-http://localhost:8001}
seconds=${TEST_TIMEOUT:-60}
seatrial=${SEATRIAL:-$here/../../.venv/bin/seatrial}
[ -x "$seatrial" ] || seatrial=$(command -v seatrial) || {
    echo "run_tests: seatrial is not installed; make setup, or: pip install seatrial" >&2
    exit 2
}
python=${PYTHON:-$(dirname "$seatrial")/python}
[ -x "$python" ] || python=python3

mkdir -p "$results"
results=$(cd "$results" && pwd)

"$python" - "$url" "$seconds" <<'PYTHON' || exit
import http.client, re, sys, time, urllib.error, urllib.request

def wrong(variable, found, remedy):
    print(f"run_tests: {variable}={found}: {remedy}", file=sys.stderr)
    sys.exit(2)

url, patience = sys.argv[1] + "/health", sys.argv[2]
shown = re.sub("//.*@", "//***@", url)  # a login in it is nobody's business
try:
    limit = float(patience)
except ValueError:
    limit = 0.0
if not 0 < limit < float("inf"):
    wrong("TEST_TIMEOUT", patience, "write seconds over 0, such as 60")
limit += time.monotonic()
print(f"run_tests: waiting up to {patience} s for {shown}", flush=True)
pause, last = 0.05, "no answer yet"
while time.monotonic() < limit:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                sys.exit(0)
            last = f"{answer.status}, not 200"
    except urllib.error.HTTPError as error:
        last = f"{error.code}: {error.read(500).decode(errors='replace')}"
    except (ValueError, http.client.InvalidURL):
        wrong("TEST_API_URL", shown.removesuffix("/health"), "write a URL, such as http://localhost:8001")
    except (OSError, http.client.HTTPException) as error:
        last = str(error) or type(error).__name__
    time.sleep(pause)
    pause = min(pause * 1.5, 1.0)
print(f"run_tests: {shown} is not healthy: {last}", file=sys.stderr)
sys.exit(3)
PYTHON

trials() { # priority
    local folder code=0
    folder=$(mktemp -d) || return 4
    "$seatrial" run "$here" --env deployed --priority "$1" --report-dir "$folder" || code=$?
    [ -e "$folder/report.json" ] && mv "$folder/report.json" "$results/test-results-$1.json"
    [ -e "$folder/report.html" ] && mv "$folder/report.html" "$results/test-report-$1.html"
    rm -rf "$folder"
    return "$code"
}

trials p1
p1=$?
if [ "$p1" -ne 0 ]; then
    echo "run_tests: P1 failed (exit $p1): not to be released; P2 was not run"
    echo "run_tests: see $results/test-report-p1.html"
    exit "$p1"
fi
trials p2
echo "run_tests: P1 passed"
# P2 alone is never a `go` (nothing at P1 was shown by it), so its warnings are counted instead.
"$python" - "$results/test-results-p2.json" <<'PYTHON'
import json, sys

try:
    with open(sys.argv[1]) as report:
        trials = json.load(report)["trials"]
except (OSError, ValueError, KeyError) as error:
    sys.exit(f"run_tests: P2 warns: its results cannot be read: {error}")
passed = sum(trial["status"] == "passed" for trial in trials)
bad = [t["node"] for t in trials if t["status"] not in ("passed", "skipped")]
print(f"run_tests: P2: {len(trials)} trials, {passed} passed, {len(bad)} warnings")
if not passed:
    print("run_tests: P2 warns: no trial passed, so P2 shows nothing; see test-report-p2.html")
for node in bad:
    print(f"run_tests:   {node}")
PYTHON
echo "run_tests: results in $results"
exit 0
