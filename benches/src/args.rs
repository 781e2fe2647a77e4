//! The command line: `[COMMAND] [--only ADAPTER,…] [--works WORK,…]`.

use bench_harness::{Adapter, Work};

use crate::adapters;

pub const USAGE: &str = "\
usage: bench [COMMAND] [--only ADAPTER,...] [--works WORK,...]

commands: all (the default: every one; without options it writes RESULTS.md), requests, instructions, loopback, threads,
          memory, expiry, stores";

/// What is asked for.
pub struct Args {
    pub command: String,
    /// Those that are measured, and the floor in any case.
    pub adapters: Vec<Adapter>,
    pub works: Vec<Work>,
    /// As it was given, for a process of ours that measures a part.
    pub filters: Vec<String>,
}

impl Args {
    /// # Errors
    /// Says which word it does not know.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            command: "all".into(),
            adapters: adapters::ALL.to_vec(),
            works: Work::ALL.to_vec(),
            filters: Vec::new(),
        };
        let mut words = words.peekable();
        if let Some(command) = words.next_if(|word| !word.starts_with('-')) {
            args.command = command;
        }
        while let Some(option) = words.next() {
            let list = words.next().ok_or(USAGE)?;
            match option.as_str() {
                "--only" => {
                    args.adapters = named(&list, adapters::of)?;
                    let floor = adapters::FLOOR;
                    if args.adapters.iter().all(|it| it.name != floor.name) {
                        args.adapters.insert(0, floor);
                    }
                }
                "--works" => args.works = named(&list, Work::of)?,
                _ => return Err(format!("{option}?\n{USAGE}")),
            }
            args.filters.extend([option, list]);
        }
        Ok(args)
    }

    #[must_use]
    pub fn has(&self, adapter: Adapter) -> bool {
        self.adapters.iter().any(|it| it.name == adapter.name)
    }
}

fn named<T>(list: &str, of: fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let all = list.split(',');
    all.map(|name| of(name).ok_or_else(|| format!("{name}?\n{USAGE}")))
        .collect()
}
