//! Runs two requests of one session step by step, and compares each step with the model.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header},
    routing::get,
};
use axum_extra::extract::cookie::PrivateCookieJar;
use session_axum::{
    Key, ManualClock, MemoryStore, SessionData, SessionError, SessionId, SessionLayer,
    SessionStore, TypedSession,
};
use session_tests::{Answer, Browser, Held, SpyStore};
use tokio::{sync::Notify, task::JoinHandle};

use super::model::{Cookie, Expected, Number, Op, Step, Token, World};

#[derive(SessionData)]
struct Page {
    first: u64,
    second: u64,
    shared: u64,
    count: u64,
}

/// Where the requests arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Processes {
    One,
    /// Each request at another one, over the same store.
    Two,
    /// One, with a store that answers at once.
    OneAtOnce,
}

/// One run of the matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) ops: [Op; 2],
    pub(super) processes: Processes,
    /// Each request finds the expiry to be renewed, and the cookie is persistent.
    pub(super) touch_due: bool,
}

/// A request waits here between its load and what it does.
#[derive(Debug, Clone)]
struct Gate {
    who: usize,
    loaded: Arc<Notify>,
    go: Arc<Notify>,
}

async fn handle(op: Op, gate: Gate, page: TypedSession<Page>) -> Result<(), SessionError> {
    gate.loaded.notify_one();
    gate.go.notified().await;
    let write = || match gate.who {
        0 => page.set_first(1),
        _ => page.set_second(1),
    };
    match op {
        Op::Read => drop(page.state()),
        Op::Touch => page.session().touch().await?,
        Op::Write => write(),
        Op::WriteShared => page.set_shared(gate.who as u64 + 1),
        Op::Update => page.update(|page| page.count += 1).await?,
        Op::Rotate => page.session().rotate(),
        Op::LogIn => page.session().set_owner("ada"),
        Op::Destroy => page.session().destroy(),
        Op::DestroyThenWrite => {
            page.session().destroy();
            write();
        }
    }
    Ok(())
}

fn app(layer: SessionLayer) -> Router {
    let start = get(async |page: TypedSession<Page>| page.set_shared(9));
    let routes = Op::ALL
        .into_iter()
        .fold(Router::new().route("/start", start), |routes, op| {
            let handler = get(async move |Extension(gate): Extension<Gate>, page| {
                handle(op, gate, page).await
            });
            routes.route(&format!("/{op:?}"), handler)
        });
    routes.layer(layer)
}

/// A request on its way.
enum Progress {
    Waiting,
    Loaded(Gate, JoinHandle<Answer>),
    Sent(Hold, JoinHandle<Answer>),
    Committed(Cookie, Option<HeaderValue>),
}

/// What keeps a request from its commit.
enum Hold {
    Store(Held),
    /// A store that answers at once keeps nobody waiting: the request has not left its handler.
    Handler(Gate),
    /// It had nothing to send.
    Nothing,
}

/// Where both requests arrive: built once for all orders of their steps.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) setting: Setting,
    key: Key,
    clock: ManualClock,
    spy: SpyStore,
    apps: [Router; 2],
}

impl Site {
    pub(super) fn new(setting: Setting, key: &Key) -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::builder().max_sessions(9).clock(clock.clone());
        let spy = SpyStore::around(store.build());
        let layer = || {
            let layer = match setting.processes {
                Processes::OneAtOnce => SessionLayer::new(spy.inner.clone(), key.clone()),
                Processes::One | Processes::Two => SessionLayer::new(spy.clone(), key.clone()),
            };
            let layer = layer.idle_timeout(Duration::from_hours(1));
            if setting.touch_due {
                let day = Duration::from_hours(24);
                layer.max_age(day).touch_interval(Duration::ZERO)
            } else {
                layer
            }
        };
        let first = app(layer());
        let second = match setting.processes {
            Processes::Two => app(layer()),
            Processes::One | Processes::OneAtOnce => first.clone(),
        };
        Self {
            setting,
            key: key.clone(),
            clock,
            apps: [first, second],
            spy,
        }
    }
}

/// The real thing beside the model.
pub(super) struct Run {
    site: Site,
    model: World,
    /// By number, in the order of their creation.
    ids: Vec<SessionId>,
    /// What the browser sends.
    cookie: Option<HeaderValue>,
    requests: [Progress; 2],
}

impl Run {
    /// With a session that was touched a second ago.
    pub(super) async fn new(site: Site) -> Self {
        let Setting { ops, touch_due, .. } = site.setting;
        let mut run = Self {
            site,
            model: World::new(ops, touch_due),
            ids: Vec::new(),
            cookie: None,
            requests: [Progress::Waiting, Progress::Waiting],
        };
        let start = Request::get("/start").body(Body::empty());
        let browser = Browser::new(run.site.apps[0].clone());
        let answer = browser.send(start.expect("a request")).await;
        let (told, cookie) = run.read_cookie(&answer);
        let first = Token {
            session: 0,
            generation: 0,
        };
        assert_eq!(told, Cookie::Set(first));
        run.cookie = cookie;
        run.site.clock.advance(Duration::from_secs(1));
        run
    }

    pub(super) async fn step(&mut self, who: usize, step: Step) {
        match (
            step,
            std::mem::replace(&mut self.requests[who], Progress::Waiting),
        ) {
            (Step::Load, Progress::Waiting) => {
                self.model.load(who);
                self.requests[who] = self.load(who).await;
            }
            (Step::Send, Progress::Loaded(gate, request)) => {
                self.model.send(who);
                self.requests[who] = self.send(gate, request).await;
            }
            (Step::Commit, Progress::Sent(held, request)) => {
                match held {
                    Hold::Store(held) => held.release(),
                    Hold::Handler(gate) => gate.go.notify_one(),
                    Hold::Nothing => {}
                }
                let answer = request.await.expect("no panic");
                let (cookie, sent) = self.read_cookie(&answer);
                let expected = self.model.commit(who);
                self.check_commit(expected, answer.status.as_u16(), cookie)
                    .await;
                self.requests[who] = Progress::Committed(cookie, sent);
            }
            (Step::Deliver, Progress::Committed(cookie, sent)) => {
                self.model.deliver(cookie);
                match cookie {
                    Cookie::Keep => {}
                    Cookie::Set(_) => self.cookie = sent,
                    Cookie::Remove => self.cookie = None,
                }
            }
            _ => unreachable!("the steps of a request are in order"),
        }
    }

    async fn load(&self, who: usize) -> Progress {
        let gate = Gate {
            who,
            loaded: Arc::default(),
            go: Arc::default(),
        };
        let mut request = Request::get(format!("/{:?}", self.site.setting.ops[who]));
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(gate.clone());
        let browser = Browser::new(self.site.apps[who].clone());
        let task = tokio::spawn(async move { browser.send(request).await });
        gate.loaded.notified().await;
        Progress::Loaded(gate, task)
    }

    async fn send(&self, gate: Gate, mut request: JoinHandle<Answer>) -> Progress {
        if self.site.setting.processes == Processes::OneAtOnce {
            return Progress::Sent(Hold::Handler(gate), request);
        }
        let mut held = self.site.spy.hold_change();
        gate.go.notify_one();
        tokio::select! {
            biased;
            () = held.reached() => Progress::Sent(Hold::Store(held), request),
            answer = &mut request => {
                self.site.spy.forget_orders();
                let answer = answer.expect("no panic");
                Progress::Sent(Hold::Nothing, tokio::spawn(async { answer }))
            }
        }
    }

    /// What a response says of the cookie, and what the browser would send from then on.
    fn read_cookie(&mut self, answer: &Answer) -> (Cookie, Option<HeaderValue>) {
        let cookies = answer.set_cookies();
        let pair = match cookies[..] {
            [] => return (Cookie::Keep, None),
            [cookie] => cookie.split(';').next().expect("a pair"),
            _ => panic!("one `Set-Cookie` at most: {cookies:?}"),
        };
        if pair == "sid=" {
            return (Cookie::Remove, None);
        }
        let pair = HeaderValue::try_from(pair).expect("a header");
        let headers = HeaderMap::from_iter([(header::COOKIE, pair.clone())]);
        let sealed = PrivateCookieJar::from_headers(&headers, self.site.key.clone().into());
        let token = sealed.get("sid").expect("sealed with our key");
        let (id, generation) = token.value()[1..].split_at(32);
        let id = u128::from_str_radix(id, 16).expect("hex").to_be_bytes();
        let token = Token {
            session: self.number(SessionId::try_from(&id[..]).expect("16 bytes")),
            generation: generation.parse().expect("a number"),
        };
        (Cookie::Set(token), Some(pair))
    }

    fn number(&mut self, id: SessionId) -> Number {
        let known = self.ids.iter().position(|other| *other == id);
        known.unwrap_or_else(|| {
            self.ids.push(id);
            self.ids.len() - 1
        })
    }

    async fn check_commit(&self, expected: Expected, status: u16, cookie: Cookie) {
        assert!(
            expected.allows(status, cookie),
            "{status} and {cookie:?} instead of {expected:?}"
        );
        if let Cookie::Set(token) = cookie {
            let stored = self.stored(token.session).await;
            let stored = stored.expect("a cookie is set for a session that lives");
            assert_eq!(stored.0, token.generation, "never an older token (R11)");
        }
    }

    /// Compares the store with the model. Whether the browser can still open a session, if any lives.
    pub(super) async fn finish(self) -> bool {
        let live = self.model.sessions.iter().flatten().count();
        assert_eq!(
            self.site.spy.inner.count().await.expect("counted"),
            live as u64
        );
        for (number, stored) in self.model.sessions.iter().enumerate() {
            let expected = stored
                .as_ref()
                .map(|stored| (stored.generation, stored.owned, stored.fields.clone()));
            assert_eq!(self.stored(number).await, expected, "session {number}");
        }
        let opens = |token: Token| {
            let stored = self.model.sessions[token.session].as_ref();
            stored.is_some_and(|stored| stored.generation == token.generation)
        };
        for id in &self.ids {
            self.site.spy.inner.delete(*id).await.expect("deleted");
        }
        live == 0 || self.model.browser.is_some_and(opens)
    }

    async fn stored(&self, number: Number) -> Option<(u32, bool, BTreeMap<String, u64>)> {
        let id = *self.ids.get(number)?;
        let record = self.site.spy.inner.load(id).await.expect("loaded")?;
        let fields = record.fields().iter();
        let fields =
            fields.map(|field| (field.name.to_owned(), field.json.parse().expect("a number")));
        let owned = record.owner() == Some("ada");
        Some((record.generation(), owned, fields.collect()))
    }
}
