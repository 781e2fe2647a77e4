//! A work, ready to be done many times, and the proof that it was done.

use axum::Router;

use crate::{Adapter, COOKIE, Request, Work, answer, new_session, send};

/// More than any table of recent cookies remembers.
const MANY: usize = 10_000;

/// An application with its sessions, and the requests to send.
pub struct Prepared {
    adapter: Adapter,
    work: Work,
    router: Router,
    requests: Vec<Request>,
    sent: usize,
    /// The count of each session before the first request, as it was proven.
    before: u64,
}

impl Prepared {
    /// Starts the sessions that the work needs, and proves that their counters count.
    ///
    /// # Panics
    /// If they don't.
    pub async fn new(adapter: Adapter, work: Work) -> Self {
        let router = adapter.router(crate::CAPACITY);
        let many = if work.is_many() { MANY } else { 1 };
        let mut requests = Vec::with_capacity(many);
        let mut before = 0;
        for _ in 0..many {
            let request = if adapter.counts {
                let (cookie, count) = start(&router, work).await;
                before = count;
                with_cookie(work, &cookie)
            } else {
                with_cookie(work, COOKIE)
            };
            requests.push(request);
        }
        let mut prepared = Self {
            adapter,
            work,
            router,
            requests,
            sent: 0,
            before,
        };
        // What is set up at the first request is no part of the work.
        prepared.send(prepared.requests.len().max(100)).await;
        prepared
    }

    /// Does the work this many times.
    pub async fn send(&mut self, times: usize) {
        for _ in 0..times {
            let request = &self.requests[self.sent % self.requests.len()];
            send(&self.router, request).await;
            self.sent += 1;
        }
    }

    /// Proves that everything that was sent did its work: nothing lost, nothing counted twice.
    ///
    /// # Panics
    /// If something did not.
    pub async fn verify(&self) {
        if !self.adapter.counts {
            return;
        }
        let many = self.requests.len();
        for (at, request) in self.requests.iter().enumerate() {
            let sent = (self.sent / many + usize::from(at < self.sent % many)) as u64;
            let answer = answer(&self.router, request).await;
            if self.work == Work::Unused {
                assert_eq!(answer.text, "x");
                continue;
            }
            let expected = match self.work {
                Work::Read | Work::Foreign | Work::ReadOne | Work::ReadMany => self.before,
                Work::Garbage => 0,
                // A session of its own, each time.
                Work::New => {
                    assert!(!answer.cookies.is_empty(), "no session was started");
                    1
                }
                _ => self.before + sent + 1,
            };
            let (adapter, work) = (self.adapter.name, self.work.name());
            assert_eq!(answer.count(), expected, "{adapter}, {work}");
        }
    }
}

/// A session whose counter is proven to count, and its count.
async fn start(router: &Router, work: Work) -> (String, u64) {
    if work.is_of_ten() {
        let cookie = new_session(router, "/fill").await;
        let read = Request::new("/read_one").cookie(&cookie);
        let write = Request::new("/write_one").cookie(&cookie);
        assert_eq!(answer(router, &read).await.count(), 1);
        assert_eq!(answer(router, &write).await.count(), 2);
        assert_eq!(answer(router, &read).await.count(), 2);
        return (cookie, 2);
    }
    let cookie = new_session(router, "/update").await;
    let read = Request::new("/read").cookie(&cookie);
    for (path, count) in [("/update", 2), ("/set", 3)] {
        let write = Request::new(path).cookie(&cookie);
        assert_eq!(answer(router, &write).await.count(), count);
        assert_eq!(answer(router, &read).await.count(), count);
    }
    (cookie, 3)
}

fn with_cookie(work: Work, cookie: &str) -> Request {
    let request = Request::new(work.path());
    match work {
        Work::New => request,
        Work::Garbage => request.cookie(&garbage(cookie)),
        Work::Foreign => request.cookie(&among_others(cookie)),
        _ => request.cookie(cookie),
    }
}

/// As long as the real one, and in the same letters, but not sealed by anybody.
fn garbage(cookie: &str) -> String {
    let cookies = cookie.split("; ").map(|cookie| {
        let (name, value) = cookie.split_once('=').expect("a name and a value");
        format!("{name}={}", value.chars().rev().collect::<String>())
    });
    cookies.collect::<Vec<_>>().join("; ")
}

/// Between the twenty cookies that a site's other parts have set.
fn among_others(cookie: &str) -> String {
    let other = |at| format!("other_{at}=GA1.2.1234567890.{at}1234567890");
    let before = (0..10).map(other);
    let after = (10..20).map(other);
    let all = before.chain([cookie.to_owned()]).chain(after);
    all.collect::<Vec<_>>().join("; ")
}
