#!/usr/bin/env bash
# Builds every LaTeX table of a report with a real LaTeX: each file alone, then all of them inside one document. Run by hand
# after a change to crates/report/src/report/latex.rs or to a table; neither `cargo test` nor the continuous build needs LaTeX.
#
# Needs pdflatex with booktabs and siunitx; on Debian:
#   apt-get install --no-install-recommends texlive-latex-base texlive-latex-recommended texlive-science
#
# Usage: scripts/check-latex.sh [RESULTS]
# EVMBENCH names a program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
results="${1:-results}"
if ! command -v pdflatex > /dev/null; then
  echo "pdflatex is not here; the heading of $0 names the packages" >&2
  exit 2
fi
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# The exit status is 1 where a file was left out, which is no matter here.
read -ra evmbench <<< "${EVMBENCH:-cargo run --quiet --release --locked --}"
"${evmbench[@]}" report --results "$results" --format latex --out "$folder" || [ $? -eq 1 ]
cd "$folder/latex"

build() {
  if ! pdflatex -interaction=nonstopmode -halt-on-error "$1" > build.log; then
    tail -n 30 build.log >&2
    echo "$1 does not build" >&2
    exit 1
  fi
}

for table in table_*.tex; do
  build "$table"
  echo "$table: alone"
done

{
  echo '\documentclass{article}'
  # The packages that each file names in its first lines.
  sed -n 's/^% \(\\usepackage.*\)/\1/p' table_core_layers.tex
  echo '\begin{document}'
  echo 'Tables'
  for table in table_*.tex; do
    label="tab:$(basename "${table#table_}" .tex | tr _ -)"
    echo "\\ref{$label}"
  done
  for table in table_*.tex; do
    echo "\\input{$table}"
    echo '\clearpage'
  done
  echo '\end{document}'
} > document.tex
build document.tex
build document.tex
if grep -q 'undefined references' build.log; then
  echo "a table has another label than its name" >&2
  exit 1
fi
echo "all of them inside a document: $(grep -o 'document.pdf ([0-9]* pages' build.log)"
