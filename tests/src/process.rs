//! Servers that a test starts, freezes and kills, and a disk that it can fill.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, ErrorKind, Write as _, stderr},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::Duration,
};

/// Says in one line what is not tested, and fails where everything has to be.
///
/// Once for each `said`.
pub fn not_tested(said: &Once, line: &str) {
    const REQUIRED: &str = "SESSION_TEST_STORES";
    let required = env::var(REQUIRED).is_ok_and(|value| value == "required");
    assert!(!required, "{REQUIRED}=required, but: {line}");
    say(said, line);
}

fn say(said: &Once, line: &str) {
    said.call_once(|| {
        // Straight to the stream, for what a passing test prints is not shown.
        let _ = stderr().write_all(format!("{line}\n").as_bytes());
    });
}

/// Each time another one. Below those that the system gives to outgoing connections, one of which could take it before
/// the server does.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = (process::id() % 1_000_000) * 131 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(number % 22_000).expect("small");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A server's process with its children. It ends with this value, and with the test's own process at the latest.
#[derive(Debug)]
pub struct Process {
    /// The server's own id.
    pub pid: u32,
    guard: Child,
}

impl Process {
    /// Starts the program that comes after the `prefix`, which becomes it (`runuser …`, `nsenter …`).
    #[must_use]
    pub fn start(prefix: &[String], program: &[&str]) -> Self {
        // The pipe is closed when the test ends, however that comes. Children are killed, too: they may be frozen.
        const GUARD: &str = r#"
            "$@" </dev/null >/dev/null 2>&1 &
            pid=$!; echo $pid; read -r _
            kill -KILL $pid $(cat /proc/$pid/task/$pid/children) 2>/dev/null; wait"#;
        let mut command = prefixed(prefix, "sh");
        command.args(["-c", GUARD, "sh"]).args(program);
        let (guard, pid) = start_and_hear(&mut command).expect("a process");
        let pid = pid.parse().expect("its id");
        Self { pid, guard }
    }

    /// Sends a signal to the server and its children.
    pub fn signal(&self, signal: &str) {
        // The server first, so that it has no more children.
        send(signal, &[self.pid.to_string()]);
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = fs::read_to_string(children).unwrap_or_default();
        let children: Vec<_> = children.split_whitespace().map(str::to_owned).collect();
        if !children.is_empty() {
            send(signal, &children);
        }
    }

    /// Kills the server and its children, as a power failure would, and waits until it is dead.
    pub fn kill(&self) {
        // Frozen first, for its children can't be found any more when it is dead.
        self.signal("-STOP");
        let children = format!("/proc/{0}/task/{0}/children", self.pid);
        let children = fs::read_to_string(children).unwrap_or_default();
        let family = children.split_whitespace().map(str::to_owned);
        let family: Vec<_> = family.chain([self.pid.to_string()]).collect();
        send("-KILL", &family);
        for pid in &family {
            wait_for(|| is_dead(pid).then_some(()));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It has killed the server and waited for it.
        let _ = self.guard.wait();
    }
}

/// A command behind a prefix, in a directory that everybody may enter.
#[must_use]
pub fn prefixed(prefix: &[String], program: &str) -> Command {
    let mut words = prefix.iter().map(String::as_str).chain([program]);
    let mut command = Command::new(words.next().unwrap_or(program));
    command.args(words).current_dir("/");
    command
}

/// Some may have ended by themselves.
fn send(signal: &str, pids: &[String]) {
    let sent = Command::new("kill")
        .arg(signal)
        .args(pids)
        .stderr(Stdio::null())
        .status();
    sent.expect("kill");
}

/// Gone, or a zombie that nobody has looked at yet.
fn is_dead(pid: &str) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let state = stat.rsplit(')').next().map(str::trim_start);
    state.is_some_and(|state| state.starts_with(['Z', 'X']))
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(seen) = look() {
            return seen;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("it took too long");
}

/// Starts what says one line and then waits for the end of its input.
fn start_and_hear(command: &mut Command) -> Option<(Child, String)> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().ok()?;
    let mut said = String::new();
    let heard = BufReader::new(child.stdout.take()?).read_line(&mut said);
    if heard.is_ok_and(|length| length > 0) {
        return Some((child, said.trim().to_owned()));
    }
    let _ = child.wait();
    None
}

/// A disk in memory with room for little, seen by nobody else, gone with this value.
#[derive(Debug)]
pub struct SmallDisk {
    /// Has the disk in a mount namespace of its own.
    holder: Child,
    pid: String,
    path: PathBuf,
}

/// Mounts a disk of `$1` MiB at `/mnt`, for this namespace alone.
const MOUNT: &str = r#"mount -t tmpfs -o size="$1"m,mode=1777 tmpfs /mnt && shift"#;

fn on_a_small_disk(then: &str, size: u32) -> Command {
    let mut unshare = Command::new("unshare");
    if !is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    let script = format!("{MOUNT} && {then}");
    unshare.args(["--mount", "sh", "-c", &script, "sh", &size.to_string()]);
    unshare
}

impl SmallDisk {
    /// A disk with so many MiB; none where the machine allows no mounting, which is said in one line. Where stores are
    /// required, so is it, unless `SESSION_TEST_DISKS=none` says that there can't be any.
    #[must_use]
    pub fn mount(size: u32) -> Option<Self> {
        static SAY: Once = Once::new();
        let Some((holder, pid)) =
            start_and_hear(&mut on_a_small_disk("echo $$ && read -r _", size))
        else {
            let line = "No disk can be mounted here: full disks are NOT tested";
            if env::var("SESSION_TEST_DISKS").is_ok_and(|value| value == "none") {
                say(&SAY, line);
            } else {
                not_tested(&SAY, line);
            }
            return None;
        };
        let path = PathBuf::from(format!("/proc/{pid}/root/mnt"));
        Some(Self { holder, pid, path })
    }

    /// Runs a program that has such a disk at `/mnt`.
    #[must_use]
    pub fn command(size: u32, program: &Path) -> Command {
        let mut command = on_a_small_disk("exec \"$@\"", size);
        command.arg(program);
        command
    }

    /// How to start a server that writes to it, and where that sees it: a server that gives up being root can't look
    /// through another process.
    #[must_use]
    pub fn enter(&self) -> (Vec<String>, PathBuf) {
        if is_root() {
            let words = ["nsenter", "--mount", "--target", &self.pid, "--"];
            (words.map(str::to_owned).to_vec(), PathBuf::from("/mnt"))
        } else {
            (Vec::new(), self.path.clone())
        }
    }

    /// Leaves no room.
    pub fn fill(&self) {
        fill(&self.path);
    }

    /// Gives the room back.
    pub fn make_room(&self) {
        make_room(&self.path);
    }
}

/// Leaves no room on the disk at this path.
pub fn fill(disk: &Path) {
    let mut file = fs::File::create(disk.join("filled")).expect("a file");
    for size in [1 << 16, 1 << 9, 1] {
        loop {
            match file.write_all(&vec![0; size]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Gives that room back.
pub fn make_room(disk: &Path) {
    match fs::remove_file(disk.join("filled")) {
        Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
        _ => {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// Whether these tests run as root: some servers refuse to.
#[must_use]
pub fn is_root() -> bool {
    // The owner of one's own entry is one's effective user.
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").expect("Linux")) == 0
}
