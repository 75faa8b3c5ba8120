#!/bin/sh
# A job for cron: the same line in the crontab of every host, and one of them does the job each night. README.md says why each part is there.
#
#     0 3 * * *   COORD_ENDPOINTS=http://localhost:2379 /opt/jobs/nightly.sh
set -eu
job=examples/cron/nightly

# Under the lock, or not at all. Who comes while another one is at work goes away, and that is no failure.
if [ "${COORD_LOCK_NAME-}" != "$job" ]; then
	exec coord run --no-wait --conflict-exit-code 0 --ttl 30s --kill-after 10s --note "$0" "$job" -- "$0" "$@"
fi

# A host whose clock is behind comes when the job is done already. The lock cannot tell it that; a record can. 1 is "not there".
night=$(date +%F)
code=0
coord kv get "$job/$night" >/dev/null 2>&1 || code=$?
case $code in
0) echo "$night has been done"; exit 0 ;;
1) ;;
*) echo "$night: the store does not answer"; exit "$code" ;;
esac

# TERM comes to this script and to the step under way: the lock is lost, or the host goes down.
report=${OUT:-/var/tmp}/report-$night
part=$report.$COORD_LOCK_TOKEN # each holder writes a file of its own, so one that was overtaken spoils nobody's
trap 'rm -f "$part"' EXIT
trap 'echo "$night: stopped"; exit 143' TERM INT HUP

for step in one two three; do
	echo "step $step" >>"$part"
	sleep "${STEP_TAKES:-1}" # stands for the work
done

# That it is done is told last. Who dies before leaves all of it to the next one, so the steps must bear being repeated.
mv "$part" "$report"
coord kv create "$job/$night" "$(hostname)" >/dev/null
echo "$night: done"
