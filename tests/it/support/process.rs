//! The executable, run by itself as a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::app::DEADLINE;
use super::http::{self, Answer};

/// A running boardcast. It is killed when it is dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts it on a free port with those settings and no others.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_boardcast")), settings).await
    }

    /// The same by a script for the shell, in which `$0` is the executable.
    #[allow(dead_code, reason = "only in tests/it")]
    pub async fn start_by(script: &str, settings: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_boardcast")]);
        Self::spawn(shell, settings).await
    }

    async fn spawn(mut command: Command, settings: &[(&str, &str)]) -> Self {
        let mut child = command
            .env_clear()
            .env("BOARDCAST_PORT", "0")
            .env("BOARDCAST_DEMO", "off")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let address = tokio::time::timeout(DEADLINE, async {
            loop {
                let line = lines.next_line().await.unwrap().expect("it ended before it listened");
                log.lock().unwrap().push(line.clone());
                // Under the host a line is an object.
                let told = line.split_once("address=").or_else(|| line.split_once(r#""address":""#));
                if let Some((_, rest)) = told {
                    break rest.split([' ', '"']).next().unwrap().parse().unwrap();
                }
            }
        })
        .await
        .expect("it does not listen");
        // Unread lines would fill the pipe and stop the process.
        let read = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                read.lock().unwrap().push(line);
            }
        });
        Self { child, address, log }
    }

    /// Waits until it has died by itself.
    #[allow(dead_code, reason = "only in tests/deaths do processes die")]
    pub async fn died(&mut self) {
        let ended = tokio::time::timeout(DEADLINE, self.child.wait()).await;
        let ended = ended.unwrap_or_else(|_| panic!("it does not die; its log:\n{}", self.log())).unwrap();
        assert!(!ended.success(), "it ended in peace");
    }

    /// Kills what was started, without a signal that could be heeded.
    #[allow(dead_code, reason = "only in tests/it")]
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Posts a payload to the webhook.
    pub async fn hook(&self, payload: &Value) -> Answer {
        let (path, body) = ("/api/webhooks/azure-devops/workitem.updated", payload.to_string());
        let headers = [("content-type", "application/json")];
        http::exchange(self.address, &http::request("POST", path, &headers, body.as_bytes())).await
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub async fn get(&self, path: &str) -> Answer {
        http::exchange(self.address, &http::request("GET", path, &[], b"")).await
    }

    /// Resident memory in kB.
    pub fn memory_kb(&self) -> u64 {
        memory_kb(self.pid(), "VmRSS")
    }

    /// Its number on the machine.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}

/// A figure in kB of the system's account of a process.
pub fn memory_kb(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
