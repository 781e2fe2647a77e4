//! What must not grow: memory, tasks, sessions.

use std::fs;

use tokio::runtime::Handle;

use crate::BROWSERS;

/// Everything a run allocates at its start and at its first peaks is there by this part of it.
const WARM: f64 = 0.4;
/// Pages that the allocator keeps at one peak or another.
const TOLERANCE: u64 = 6 * 1024 * 1024;
/// A browser has so many requests at once, and a task itself.
const TASKS: u64 = BROWSERS * 8;
/// A browser's sessions within the idle timeout: most are left behind by lost answers.
const SESSIONS: u64 = BROWSERS * 25;

/// The peaks before and after everything is warm.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    early_memory: u64,
    late_memory: u64,
    tasks: u64,
    sessions: u64,
}

impl Growth {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// `done`: how much of the run is over.
    pub(crate) fn sample(&mut self, done: f64, sessions: u64) -> Result<(), String> {
        let tasks = Handle::current().metrics().num_alive_tasks() as u64;
        self.tasks = self.tasks.max(tasks);
        self.sessions = self.sessions.max(sessions);
        let memory = resident()?;
        if done < WARM {
            self.early_memory = self.early_memory.max(memory);
        } else {
            self.late_memory = self.late_memory.max(memory);
        }
        if self.tasks > TASKS || self.sessions > SESSIONS {
            return Err(format!("too many tasks or sessions: {self:?}"));
        }
        Ok(())
    }

    pub(crate) fn judge(&self) -> Result<(), String> {
        if self.late_memory > self.early_memory + TOLERANCE {
            return Err(format!("memory grows: {self:?}"));
        }
        Ok(())
    }
}

/// This process's resident bytes; zero where the system does not tell.
fn resident() -> Result<u64, String> {
    let Ok(text) = fs::read_to_string("/proc/self/statm") else {
        return Ok(0);
    };
    let pages: Option<u64> = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    // All of Linux's usual platforms have pages of 4 KiB; larger ones make the judgement milder, not wrong.
    pages
        .map(|pages| pages * 4096)
        .ok_or_else(|| "statm has a second number".to_owned())
}
