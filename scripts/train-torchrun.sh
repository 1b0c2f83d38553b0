#!/usr/bin/env bash
# Train one generator on all GPUs of this machine, or on several machines. Arguments are those of
# `mammo-synth generator train`:
#   scripts/train-torchrun.sh prepared --label cancer --out runs/cancer --preset film
# GPUS limits the processes (default: the GPUs of this machine; 2 processes where it has none).
# Several machines: start it on each with NODES (how many), NODE (0, 1, ...) and MASTER (address of
# machine 0); prepared set and run folder must lie on a disk that all of them see.
# Interrupt it at any time: the same command goes on.
set -euo pipefail
bin=${MAMMO_SYNTH_BIN:-$(dirname "$0")/../.venv/bin}
gpus=${GPUS:-$("$bin/python" -c 'import torch; print(torch.cuda.device_count() or 2)')}
meeting=(--standalone)
if [ "${NODES:-1}" -gt 1 ]; then
  meeting=(--nnodes "$NODES" --node-rank "${NODE:?number of this machine}"
    --master-addr "${MASTER:?address of machine 0}" --master-port "${PORT:-29500}")
fi
exec "$bin/torchrun" "${meeting[@]}" --nproc-per-node "$gpus" \
  --no-python "$bin/mammo-synth" generator train "$@"
