#!/bin/sh
# Index a folder of videos with an array of Slurm tasks, and put their memories together:
#
#     sbatch --array=1-32 examples/slurm.sh /shared/videos /shared/work
#     sbatch --dependency=afterok:JOB examples/slurm.sh /shared/videos /shared/work
#
# The second call, without an array, is the one that merges. Options of `rewatch index` may follow. A task that was
# killed goes on where it was when it is started again; so does the merge. Without Slurm the same works by hand:
#
#     for i in 1 2; do SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=2 sh examples/slurm.sh videos work; done
#     sh examples/slurm.sh videos work
set -eu
videos=$1 work=$2
shift 2
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    shard=$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT
    exec "${REWATCH:-rewatch}" index "$videos" --shard "$shard" --memory "$work/part-$SLURM_ARRAY_TASK_ID" "$@"
fi
exec "${REWATCH:-rewatch}" merge "$work/memory" "$work"/part-*
