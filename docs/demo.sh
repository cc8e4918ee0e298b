#!/bin/sh
# The main job on real files: weights that PyTorch trained, imported, run and verified in Swift.
# Usage: demo.sh path/to/tensorferry
set -eu
tensorferry=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
here=Fixtures/models/attention-classifier
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Prints a command as a reader would type it, then runs it.
show() {
  printf '\n$ tensorferry'
  for word in "$@"; do printf ' %s' "${word##*/}"; done
  printf '\n'
  "$tensorferry" "$@"
}

for form in vector positions; do
  printf '\n=== AttentionClassifier, %s form, trained by PyTorch on handwritten digits ===\n' "$form"
  files=$here/$form
  show inspect "$files/weights.h5"
  show import "$files/weights.h5" -o "$work/$form.h5"
  show predict "$work/$form.h5" "$files/test.h5" --labels labels
  # The classes that PyTorch predicted stand in the file beside the labels.
  agreement=$("$tensorferry" predict "$work/$form.h5" "$files/test.h5" --labels predicted | sed -n 's/^accuracy \([0-9]*\)\/\([0-9]*\).*/\1 \2/p')
  set -- $agreement
  if [ "${1:-0}" -ne "${2:-1}" ]; then echo "only $1 of $2 classes are PyTorch's" >&2; exit 1; fi
  printf 'all %s classes are those that PyTorch predicts\n' "$2"
  show verify "$work/$form.h5" "$files/reference.h5"
done
