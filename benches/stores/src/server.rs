//! Servers on loopback, which end with this program.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// A server of ours. It ends when its input is closed, so also when this program dies.
pub(crate) struct Server {
    pub(crate) port: u16,
    process: Child,
}

impl Server {
    /// Redis, in memory only; none where it is not installed.
    pub(crate) fn redis() -> Option<Self> {
        let paths = env::var_os("PATH")?;
        env::split_paths(&paths).find(|path| path.join("redis-server").exists())?;
        let guard = "redis-server \"$@\" >/dev/null & pid=$!; read -r _; kill -KILL $pid; wait";
        let port = free_port();
        let mut command = Command::new("sh");
        command.args(["-c", guard, "sh", "--port", &port.to_string()]);
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        let server = Self::start(command, port);
        for _ in 0..400 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(server);
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("redis-server does not listen on port {port}");
    }

    /// PostgreSQL, with its own defaults; none where it is not installed.
    pub(crate) fn postgres() -> Option<Self> {
        if !Path::new("/usr/lib/postgresql").exists() {
            return None;
        }
        let port = free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/serve-postgres");
        let mut command = Command::new(script);
        command.arg(port.to_string());
        let mut server = Self::start(command, port);
        let mut told = String::new();
        let output = server.process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut told).expect("a line");
        assert!(told.contains("listens"), "PostgreSQL does not start");
        Some(server)
    }

    fn start(mut command: Command, port: u16) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = command.spawn().expect("a shell");
        Self { port, process }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}
