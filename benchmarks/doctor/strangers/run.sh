# Examines programs, a line each: bash run.sh "f01*.py h02*.py" [FOLDER FOR THE REPORTS]
folder=${2:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$(dirname "$0")" || exit 1
python=../../../.venv/bin/python
for program in $1; do
  report=$folder/${program%.py}.txt
  if grep -q byhand.checkup "$program"; then
    timeout 120 $python "$program" > "$report" 2>&1
  else
    timeout 120 $python -m byhand doctor "$program" > "$report" 2>&1
  fi
  echo "$program rc=$? $(grep -o '─ [0-9]*\. [^─]*' "$report" | tr '\n' ';')"
done
echo "reports: $folder"
