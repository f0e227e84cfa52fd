//! A job for Kubernetes: an Indexed Job for each memory class, and a script that waits for prepare, since Jobs know no dependencies.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::MemoryClass;
use super::job::{ARRAY, Array, BASH, File, Job, file};
use super::shell::quoted;

/// How often one index is tried again after an exit that is worth it, or the loss of its pod.
const RETRIES: u32 = 3;

/// Exit statuses after which another try would only say the same: the record says no, the arguments cannot be used.
const FINAL_STATUSES: [u8; 2] = [1, 2];

/// Seconds that a pod has to stop.
const GRACE_SECONDS: u32 = 30;

/// What a cluster's pods are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The image, which has the program and bash.
    pub image: String,
    /// The claim of the volume that all pods share.
    pub claim: String,
    /// Where the volume is mounted: the job's folder and the records' are below it.
    pub mount: String,
    /// Processors that a pod is given.
    pub processors: usize,
}

/// What a pod runs, and how it is bounded.
struct Pod<'a> {
    command: Vec<String>,
    memory: MemoryClass,
    limit_seconds: Option<f64>,
    cluster: &'a Cluster,
    /// Whether it is alone on its node, as far as evmbench's pods go.
    is_alone: bool,
}

pub(super) fn files(job: &Job, cluster: &Cluster) -> Vec<File> {
    let name = job_name(job);
    let arrays = job.arrays();
    let step = |script: &str| Pod {
        command: vec!["bash".to_owned(), job.path(script)],
        memory: job.steps_memory,
        limit_seconds: Some(job.steps_seconds),
        cluster,
        is_alone: false,
    };
    let once = |script: &str, what: &str| {
        let spec = json!({"backoffLimit": RETRIES, "template": step(script).template()});
        file(format!("{what}.json"), manifest(&format!("{name}-{what}"), &spec))
    };
    let mut files = vec![once("prepare.sh", "prepare"), once("finish.sh", "finish")];
    for array in &arrays {
        let title = array_name(array);
        files.push(file(
            format!("{title}.json"),
            manifest(
                &format!("{name}-{}", title.to_lowercase()),
                &indexed(job, array, cluster),
            ),
        ));
    }
    files.push(file("submit.sh", submit(job, &name, &arrays)));
    files
}

fn array_name(array: &Array) -> String {
    format!("{ARRAY}{}M", array.memory.mebibytes())
}

/// A name that no other job has: a Job of the same name could not be changed.
fn job_name(job: &Job) -> String {
    let list = serde_json::to_string(&job.list).expect("a list of tasks is plain data");
    let digest = Sha256::digest(format!("{}\n{list}", job.folder));
    format!("evmbench-{}", alloy_primitives::hex::encode(&digest[..4]))
}

fn manifest(name: &str, spec: &Value) -> String {
    let manifest = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": {"app": "evmbench"}},
        "spec": spec,
    });
    serde_json::to_string_pretty(&manifest).expect("a manifest is plain data") + "\n"
}

fn indexed(job: &Job, array: &Array, cluster: &Cluster) -> Value {
    let tasks: Vec<String> = array.tasks.iter().map(usize::to_string).collect();
    // The tasks stand in the manifest itself: a later export may write other scripts while these pods run.
    let command = format!(
        "tasks=({}); exec bash \"$0\" \"${{tasks[JOB_COMPLETION_INDEX]}}\"",
        tasks.join(" ")
    );
    let pod = Pod {
        command: vec!["bash".to_owned(), "-c".to_owned(), command, job.path("task.sh")],
        memory: array.memory,
        limit_seconds: array.limit_seconds,
        cluster,
        is_alone: job.processors.is_none(),
    };
    let count = tasks.len();
    json!({
        "completionMode": "Indexed",
        "completions": count,
        "parallelism": count,
        "backoffLimitPerIndex": RETRIES,
        "maxFailedIndexes": count,
        "podFailurePolicy": {"rules": [
            {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": FINAL_STATUSES}},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]},
        "template": pod.template(),
    })
}

impl Pod<'_> {
    fn template(&self) -> Value {
        // The kubelet expands $(NAME); two dollars stand for one.
        let command: Vec<String> = self
            .command
            .iter()
            .map(|word| word.replace("$(", "$$("))
            .collect();
        let resources = json!({
            "cpu": self.cluster.processors.to_string(),
            "memory": format!("{}Mi", self.memory.mebibytes()),
        });
        let mut spec = json!({
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "containers": [{
                "name": "evmbench",
                "image": self.cluster.image,
                "command": command,
                "resources": {"requests": resources, "limits": resources},
                "volumeMounts": [{"name": "shared", "mountPath": self.cluster.mount}],
            }],
            "volumes": [{"name": "shared", "persistentVolumeClaim": {"claimName": self.cluster.claim}}],
        });
        if let Some(seconds) = self.limit_seconds {
            spec["activeDeadlineSeconds"] = json!(seconds.ceil() as u64);
        }
        if self.is_alone {
            spec["affinity"] = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                "labelSelector": {"matchLabels": {"app": "evmbench"}},
                "topologyKey": "kubernetes.io/hostname",
            }]}});
        }
        json!({"metadata": {"labels": {"app": "evmbench"}}, "spec": spec})
    }
}

fn submit(job: &Job, name: &str, arrays: &[Array]) -> String {
    let mut text = format!(
        r#"{BASH}# Starts prepare, waits for it, starts an Indexed Job for each memory class, waits for them, and starts finish. Arguments are passed on
# to every kubectl, as --namespace=NAME.
set -euo pipefail
cd -- {folder}
# ended JOB: waits until the Job is over, and fails where it has failed.
ended() {{
  local job=$1 conditions
  shift
  while :; do
    conditions=$(kubectl "$@" get "job/$job" --output='jsonpath={{.status.conditions[?(@.status=="True")].type}}')
    case " $conditions " in
      *' Complete '*) return 0 ;;
      *' Failed '*) return 1 ;;
    esac
    sleep 5
  done
}}
"#,
        folder = quoted(&job.folder),
    );
    if !arrays.is_empty() {
        text += &format!(
            "kubectl \"$@\" apply --filename=prepare.json\nended {name}-prepare \"$@\" || {{ echo 'prepare has failed' >&2; exit 1; }}\n"
        );
    }
    for array in arrays {
        text += &format!("kubectl \"$@\" apply --filename={}.json\n", array_name(array));
    }
    for array in arrays {
        text += &format!(
            "ended {name}-{} \"$@\" || true\n",
            array_name(array).to_lowercase()
        );
    }
    text += &format!(
        "kubectl \"$@\" apply --filename=finish.json\nended {name}-finish \"$@\" || status=1\nkubectl \"$@\" logs job/{name}-finish\nexit \"${{status:-0}}\"\n"
    );
    text
}
