#!/bin/bash
# Grades a directory of submissions as a job array of Slurm's, and joins the results.
#   sbatch --array=1-16 slurm.sh SUBMISSIONS RESULTS [KEY]
#   when it has ended:   ./slurm.sh --merge RESULTS
# SUBMISSIONS and RESULTS are on a file system that the nodes share; KEY is the class key, a
# file of mode 0600. A task that was killed goes on where it stopped: the same sbatch again.
# The nodes must let ordinary users have user namespaces; `cloison doctor` says what is not so,
# at the head of each task's output.
#
# Corrige un dossier de rendus par un tableau de tâches de Slurm et réunit les résultats.
#   sbatch --array=1-16 slurm.sh RENDUS RÉSULTATS [CLÉ]
#   une fois terminé :   ./slurm.sh --merge RÉSULTATS
# RENDUS et RÉSULTATS sont sur un système de fichiers que les nœuds partagent ; CLÉ est la clé de
# classe, un fichier de mode 0600. Une tâche tuée reprend où elle en était : le même sbatch. Les
# nœuds doivent permettre les espaces de noms utilisateur ; `cloison doctor` dit ce qui manque, en
# tête de la sortie de chaque tâche.
#SBATCH --job-name=cloison
#SBATCH --array=1-4
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=05:00:00
#SBATCH --output=cloison-%A_%a.log
set -euo pipefail

if [ "${1:-}" = --merge ] && [ $# = 2 ]; then
    # Says which shards are missing, and exits with an error then.
    # Dit quelles parts manquent, et se termine alors par une erreur.
    exec cloison report merge "$2"/shard-*/ --out "$2/merged"
fi
if [ $# -lt 2 ] || [ $# -gt 3 ] || [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
    echo "usage: sbatch --array=1-N $0 SUBMISSIONS RESULTS [KEY], then $0 --merge RESULTS" >&2
    exit 2
fi
# The array may begin at any number, with any step between.
# Le tableau peut commencer à n'importe quel nombre, avec n'importe quel pas.
first=${SLURM_ARRAY_TASK_MIN:-1}
step=${SLURM_ARRAY_TASK_STEP:-1}
shard=$(((SLURM_ARRAY_TASK_ID - first) / step + 1))

with_key=()
if [ -n "${3:-}" ]; then
    with_key=(--key "$3")
fi

cloison doctor
srun cloison grade "$1" --shard "$shard/$SLURM_ARRAY_TASK_COUNT" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
    --out "$2/shard-$shard" --format json,junit "${with_key[@]}"
