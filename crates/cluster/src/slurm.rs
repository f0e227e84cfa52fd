//! A job for Slurm: a script for each memory class, and one that submits prepare, the arrays, and finish.

use super::job::{AGAIN_STATUS, ARRAY, Array, BASH, File, Job, file};

/// How often a task that tools, disk or network kept from its work is put into the queue again.
const RETRIES: usize = 2;

/// How all jobs are submitted: again after the loss of a node, behind what was written before, with a word one minute before the end.
const COMMON: &str = "--requeue --open-mode=append --signal=B:TERM@60 --nodes=1 --ntasks=1";

pub(super) fn files(job: &Job) -> Vec<File> {
    let arrays = job.arrays();
    let scripts = arrays
        .iter()
        .map(|array| file(script_name(array), script(job, array)));
    scripts.chain([file("submit.sh", submit(job, &arrays))]).collect()
}

fn script_name(array: &Array) -> String {
    format!("{ARRAY}{}M.sh", array.memory.mebibytes())
}

/// What each task of an array runs.
fn script(job: &Job, array: &Array) -> String {
    let tasks: Vec<String> = array.tasks.iter().map(usize::to_string).collect();
    format!(
        r#"{BASH}# Slurm: one task of those that are given {memory}. The argument says at which of them the array begins.
tasks=({tasks})
# Slurm tells this script alone that the end is near. The program then stops, and leaves no half of a record.
trap 'kill -TERM "$child" 2> /dev/null' TERM
bash {task_script} "${{tasks[$1 + SLURM_ARRAY_TASK_ID]}}" &
child=$!
wait "$child"
status=$?
# A wait ends when the word comes, too.
while kill -0 "$child" 2> /dev/null; do
  wait "$child"
  status=$?
done
# Tools, disk or network stood in the way.
if [ "$status" -eq {AGAIN_STATUS} ] && [ "${{SLURM_RESTART_COUNT:-0}}" -lt {RETRIES} ]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
"#,
        memory = array.memory,
        tasks = tasks.join(" "),
        task_script = job.word("task.sh"),
    )
}

/// Minutes, rounded up, as an option of `sbatch`; nothing where no time is known.
fn time(seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, |seconds| {
        format!(" --time={:.0}", (seconds / 60.0).ceil())
    })
}

fn submit(job: &Job, arrays: &[Array]) -> String {
    let steps = format!(
        "--mem={}M{}",
        job.steps_memory.mebibytes(),
        time(Some(job.steps_seconds))
    );
    let nodes = job.processors.map_or_else(
        || "--exclusive".to_owned(),
        |processors| format!("--cpus-per-task={processors}"),
    );
    let mut text = format!(
        r#"{BASH}# Submits prepare, an array for each memory class, and finish. Arguments are passed on to every sbatch, as --partition=NAME;
# sbatch's own variables count as well, as SBATCH_ACCOUNT.
set -euo pipefail
cd -- {folder}
mkdir -p logs
common=({COMMON} "$@")
most=$(scontrol show config | awk '$1 == "MaxArraySize" {{ print $3 }}')
arrays=()
# submit_array SCRIPT TASKS OPTION…: as many arrays as the site's limit on their size asks for.
submit_array() {{
  local script=$1 tasks=$2 first id
  shift 2
  for ((first = 0; first < tasks; first += most)); do
    local last=$((tasks - first < most ? tasks - first - 1 : most - 1))
    id=$(sbatch --parsable "${{common[@]}}" "$@" --job-name=evmbench --output=logs/%A_%a.log --array="0-$last" \
      --dependency="afterok:$prepare" --kill-on-invalid-dep=yes "$script" "$first")
    arrays+=("${{id%%;*}}")
  done
}}
"#,
        folder = super::shell::quoted(&job.folder),
    );
    if arrays.is_empty() {
        text += &format!(
            "# Every task is done.\nsbatch \"${{common[@]}}\" {steps} --job-name=evmbench-finish --output=logs/%j.log finish.sh\n"
        );
        return text;
    }
    text += &format!(
        "prepare=$(sbatch --parsable \"${{common[@]}}\" {steps} --job-name=evmbench-prepare --output=logs/%j.log prepare.sh)\n\
         prepare=${{prepare%%;*}}\n"
    );
    for array in arrays {
        text += &format!(
            "submit_array {} {} --mem={}M{} {nodes}\n",
            script_name(array),
            array.tasks.len(),
            array.memory.mebibytes(),
            time(array.limit_seconds),
        );
    }
    // A task whose worker was killed for memory has failed for Slurm although it wrote its record.
    text += &format!(
        r#"finish=$(IFS=:; sbatch --parsable "${{common[@]}}" {steps} --job-name=evmbench-finish --output=logs/%j.log \
  --dependency="afterany:${{arrays[*]}}" finish.sh)
echo "prepare $prepare, tasks ${{arrays[*]}}, finish ${{finish%%;*}}; squeue --me shows them"
"#
    );
    text
}
