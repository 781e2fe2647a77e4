//! The least of an HTTP client: it must cost less than the server that it asks.

use std::net::SocketAddr;

use bench_harness::Answer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    request: String,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await.expect("it listens");
        stream.set_nodelay(true).expect("it is open");
        Self {
            stream,
            request: String::new(),
            received: Vec::with_capacity(4096),
        }
    }

    /// Sends a request and waits for the answer.
    pub(crate) async fn ask(&mut self, path: &str, cookie: &str) -> Answer {
        self.request.clear();
        self.request
            .extend(["GET ", path, " HTTP/1.1\r\nhost: localhost\r\n"]);
        if !cookie.is_empty() {
            self.request.extend(["cookie: ", cookie, "\r\n"]);
        }
        self.request.push_str("\r\n");
        let sent = self.stream.write_all(self.request.as_bytes()).await;
        sent.expect("it is open");
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await;
            assert!(read.expect("it is open") > 0, "the server hung up");
            if let Some(answer) = whole(&self.received) {
                return answer;
            }
        }
    }
}

/// The answer, once its body is there.
fn whole(received: &[u8]) -> Option<Answer> {
    let text = str::from_utf8(received).expect("an answer in text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut length: Option<usize> = None;
    let mut cookies = Vec::new();
    let mut lines = head.lines();
    let status = lines.next()?;
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        match name {
            "content-length" => length = Some(value.parse().expect("a length")),
            "set-cookie" => cookies.extend(value.split(';').next().map(str::to_owned)),
            _ => {}
        }
    }
    (body.len() == length.expect("a length")).then(|| Answer {
        text: body.to_owned(),
        cookies,
    })
}
