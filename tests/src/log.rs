//! What a test's thread logs.

use std::{cell::RefCell, io, sync::Once};

thread_local! {
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Keeps all events of all crates, down to `trace`, from the thread that started it: of a whole test, as long as
/// that runs on one thread.
#[derive(Debug)]
pub struct Log(());

impl Log {
    /// Begins to keep what this thread logs.
    #[must_use]
    pub fn start() -> Self {
        // One subscriber for the process: one for each test would have to win races for the cache of call sites.
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
                .with_ansi(false)
                .without_time()
                .with_writer(|| Lines)
                .init();
        });
        LINES.set(Some(Vec::new()));
        Self(())
    }

    /// The lines since the last time somebody asked.
    #[must_use]
    pub fn lines(&self) -> String {
        let lines = LINES.replace(Some(Vec::new())).unwrap_or_default();
        String::from_utf8(lines).expect("text")
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.iter_mut().for_each(|lines| lines.extend(text)));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
