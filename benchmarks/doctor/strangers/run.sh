# Examines programs: bash run.sh "f01*.py h02*.py" [FOLDER OF REPORTS]
cd "$(dirname "$0")"; out=${2:-/tmp/mine/strangers}; mkdir -p "$out"
for f in $1; do b=${f%.py}; s=$(date +%s.%N)
 if grep -q byhand.checkup $f; then nice -n 10 timeout 120 ../../../.venv/bin/python $f >$out/$b.txt 2>&1; else nice -n 10 timeout 120 ../../../.venv/bin/byhand doctor $f >$out/$b.txt 2>&1; fi
 echo "$b rc=$? $(echo "$(date +%s.%N)-$s"|bc | cut -c1-5)s $(grep -o '─ [0-9]*\. [^─]*' $out/$b.txt | tr '\n' ';')"; done
