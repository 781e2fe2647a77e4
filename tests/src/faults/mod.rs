//! What a browser sees when the store's server fails, at each moment of a request.

mod stage;

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode};
use session_axum::SessionStore;
use tokio::task::JoinSet;

use self::stage::{Stage, lock};
use crate::{Answer, Browser, Proxy};

/// The layer's limit in these tests.
pub const STORE_TIMEOUT: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(2);
/// So soon after a fault everything works again.
const RECOVERY: Duration = Duration::from_secs(20);
/// Requests at once, while a fault lasts and after it.
const TABS: u64 = 8;

/// What goes wrong with a server, and how it is mended.
pub trait Fault: Send + Sync + 'static {
    /// Lets it go wrong.
    fn strike(&self) -> impl Future<Output = ()> + Send;
    /// Gives back what is missing. The application is not touched.
    fn mend(&self) -> impl Future<Output = ()> + Send;
    /// What fails until then.
    fn lasts(&self) -> Lasts;
    /// Whether room is what is missing, so that small writes may still find a place.
    fn is_of_room(&self) -> bool {
        self.lasts() == Lasts::Room
    }
    /// Through which the store speaks with its server, so that it can strike while a message is on its way.
    fn proxy(&self) -> Option<&Proxy> {
        None
    }
}

/// What fails while a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Loads and commits.
    Everything,
    /// Commits. Sessions are still read.
    Writes,
    /// Commits that need room. Sessions are still read and ended.
    Room,
    /// Nothing: it was over in a moment.
    Nothing,
}

/// When the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the request.
    Before,
    /// The load's question is on its way.
    Load,
    /// The load's reply is on its way, and half of it is all that comes.
    LoadReply,
    /// The handler runs: the session was loaded, and nothing was committed.
    Between,
    /// The commit's question is on its way.
    Commit,
    /// The commit is done, its reply is on its way, and half of it is all that comes.
    CommitReply,
}

/// What the request gets that a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gets {
    /// An opaque 503.
    Refused,
    /// What it asked for: the store had a second way.
    Served,
}

/// An app on a store whose server will fail, and a browser that counts.
pub struct Stand<F> {
    app: Router,
    stage: Arc<Stage<F>>,
    browser: Browser,
    /// Has a session, and wants to log in or out when it can't.
    other: Browser,
    /// Updates that were sent, and those that were answered.
    attempted: u64,
    answered: u64,
    noted: u64,
}

impl<F: Fault> Stand<F> {
    /// The server works.
    pub async fn new(store: impl SessionStore, fault: F) -> Self {
        let (app, stage) = stage::app(store, fault);
        let stand = Self {
            browser: Browser::new(app.clone()),
            other: Browser::new(app.clone()),
            app,
            stage,
            attempted: 1,
            answered: 1,
            noted: 0,
        };
        for browser in [&stand.browser, &stand.other] {
            assert_eq!(browser.get("/add").await.body, "1");
        }
        stand
    }

    /// The fault strikes at this moment of a request; then it lasts; then it is mended, and nothing is lost.
    #[expect(clippy::print_stdout, reason = "tells how far a test came that fails")]
    pub async fn strikes(&mut self, moment: Moment, gets: Gets) {
        let cookie = self.browser.cookie("sid");
        let begin = Instant::now();
        // An update and a plain set reach their commits by different ways, and loads by the same.
        self.during_an_update(moment, gets).await;
        if matches!(
            moment,
            Moment::Between | Moment::Commit | Moment::CommitReply
        ) {
            self.during_a_set(moment, gets).await;
        }
        assert_eq!(self.browser.cookie("sid"), cookie);
        println!("{moment:?}: {gets:?}, {:?}", begin.elapsed());
    }

    async fn during_an_update(&mut self, moment: Moment, gets: Gets) {
        let [before, _] = self.recover().await;
        self.attempted += 1;
        let answer = self.struck_at(moment, "/add").await;
        self.answered += u64::from(is_as_it_should_be(&answer, gets));
        let [count, _] = self.last_and_mend().await;
        let done = gets == Gets::Served || moment == Moment::CommitReply;
        assert!(
            count == before + 1 || (count == before && !done),
            "{before} {count}"
        );
        self.works_as_before().await;
    }

    async fn during_a_set(&mut self, moment: Moment, gets: Gets) {
        let [_, old] = self.recover().await;
        let new = self.noted + 1;
        let answer = self.struck_at(moment, &format!("/note/{new}")).await;
        let done = is_as_it_should_be(&answer, gets) || moment == Moment::CommitReply;
        let [_, note] = self.last_and_mend().await;
        assert!(note == new || (note == old && !done), "{old} {new} {note}");
        self.noted = new;
        self.works_as_before().await;
    }

    /// The answer to a request that the fault strikes, in time.
    async fn struck_at(&self, moment: Moment, path: &str) -> Answer {
        *lock(&self.stage.struck) = None;
        if matches!(moment, Moment::Before | Moment::Load | Moment::LoadReply) {
            self.stage.arrange(moment).await;
        } else {
            *lock(&self.stage.due) = Some(moment);
        }
        let begin = Instant::now();
        let answer = self.browser.get(path).await;
        let end = Instant::now();
        until("the fault strikes", async || {
            lock(&self.stage.struck).is_some()
        })
        .await;
        let struck = lock(&self.stage.struck).expect("just seen");
        assert_in_time(path, end.saturating_duration_since(struck.max(begin)));
        answer
    }

    /// While it lasts all are refused who need the server. What is stored when it is mended.
    async fn last_and_mend(&self) -> [u64; 2] {
        let lasts = self.stage.fault.lasts();
        if lasts != Lasts::Nothing {
            self.refuses(lasts).await;
        }
        self.stage.fault.mend().await;
        self.recover().await
    }

    async fn refuses(&self, lasts: Lasts) {
        let mut requests = JoinSet::new();
        let mut ask = |browser: &Browser, path: String| {
            let browser = browser.clone();
            requests.spawn(async move {
                let begin = Instant::now();
                let answer = browser.get(&path).await;
                assert_in_time(&path, begin.elapsed());
                if path == "/read" && lasts != Lasts::Everything {
                    assert_eq!(answer.status, StatusCode::OK);
                } else {
                    refused(&answer);
                }
            });
        };
        for tab in 1..=TABS {
            ask(
                &self.browser,
                format!("/draft/{}", self.attempted * TABS + tab),
            );
        }
        ask(&Browser::new(self.app.clone()), "/add".to_owned());
        if lasts != Lasts::Room {
            ask(&self.other, "/log-in".to_owned());
            ask(&self.other, "/end".to_owned());
        }
        ask(&self.other, "/read".to_owned());
        while let Some(asked) = requests.join_next().await {
            asked.expect("no panic");
        }
    }

    /// The same cookie works again, by itself.
    async fn recover(&self) -> [u64; 2] {
        let mut stored = None;
        until("the same cookie works", async || {
            let answer = self.browser.get("/read").await;
            stored = is_served(&answer).then(|| numbers(&answer));
            stored.is_some()
        })
        .await;
        stored.expect("just seen")
    }

    /// The whole pool does, and nothing that was answered is lost.
    async fn works_as_before(&mut self) {
        let (mut attempted, mut answered) = (self.attempted, self.answered);
        until("the whole pool works", async || {
            let mut updates = JoinSet::new();
            for _ in 0..TABS {
                let browser = self.browser.clone();
                updates.spawn(async move { is_served(&browser.get("/add").await) });
            }
            let served = updates.join_all().await;
            let served = served.into_iter().filter(|served| *served).count() as u64;
            attempted += TABS;
            answered += served;
            served == TABS
        })
        .await;
        (self.attempted, self.answered) = (attempted, answered);
        let [count, _] = self.recover().await;
        assert!(
            (answered..=attempted).contains(&count),
            "{answered} answered, {attempted} attempted, {count} counted"
        );
        assert_eq!(
            numbers(&self.other.get("/read").await),
            [1, 0],
            "no log-in, no end"
        );
        let newcomer = Browser::new(self.app.clone());
        assert_eq!(newcomer.get("/add").await.body, "1");
        assert!(newcomer.cookie("sid").is_some());
    }
}

/// One of several servers fails, which share the sessions: those on the others go on as if nothing were, and those on
/// that one work again when it is mended.
pub async fn one_of_several_strikes<F: Fault>(store: impl SessionStore, fault: F) {
    let stand = Stand::new(store, fault).await;
    // So many that each server has some.
    let browsers: Vec<_> = (0..30).map(|_| Browser::new(stand.app.clone())).collect();
    let mut answered = vec![0_u64; browsers.len()];
    assert!(all_add(&browsers, &mut answered).await.iter().all(|it| *it));
    let cookies = |browsers: &[Browser]| {
        browsers
            .iter()
            .map(|it| it.cookie("sid"))
            .collect::<Vec<_>>()
    };
    let before = cookies(&browsers);

    stand.stage.fault.strike().await;
    let mut attempts = 1;
    let mut served = vec![0_u32; browsers.len()];
    // For a moment those on the others may be refused, too: the client looks for the servers anew, now and again.
    until("those on the others are served", async || {
        attempts += 1;
        let now = all_add(&browsers, &mut answered).await;
        for (served, now) in served.iter_mut().zip(now) {
            *served += u32::from(now);
        }
        let on_others = served.iter().filter(|times| **times > 0);
        served.contains(&0)
            && on_others.clone().count() > 0
            && on_others.clone().all(|times| *times > 1)
    })
    .await;

    stand.stage.fault.mend().await;
    until("all sessions work", async || {
        attempts += 1;
        all_add(&browsers, &mut answered).await.iter().all(|it| *it)
    })
    .await;
    for (browser, answered) in browsers.iter().zip(answered) {
        let [count, _] = numbers(&browser.get("/read").await);
        assert!(
            (answered..=attempts).contains(&count),
            "{answered} {count} {attempts}"
        );
    }
    assert_eq!(cookies(&browsers), before);
}

/// Who was served, of those who asked all at once.
async fn all_add(browsers: &[Browser], answered: &mut [u64]) -> Vec<bool> {
    let mut updates = Vec::new();
    for browser in browsers {
        let browser = browser.clone();
        updates.push(tokio::spawn(async move {
            let begin = Instant::now();
            let answer = browser.get("/add").await;
            assert_in_time("/add", begin.elapsed());
            is_served(&answer)
        }));
    }
    let mut served = Vec::new();
    for (update, answered) in updates.into_iter().zip(answered) {
        served.push(update.await.expect("no panic"));
        *answered += u64::from(served.last() == Some(&true));
    }
    served
}

fn assert_in_time(path: &str, took: Duration) {
    assert!(took < STORE_TIMEOUT + SLACK, "{path} took {took:?}");
}

/// Count and note.
fn numbers(answer: &Answer) -> [u64; 2] {
    assert_eq!(answer.status, StatusCode::OK);
    let numbers = answer.body.split_once(' ').expect("two words");
    [numbers.0, numbers.1].map(|number| number.parse().expect("a number"))
}

fn is_served(answer: &Answer) -> bool {
    if answer.status != StatusCode::OK {
        refused(answer);
    }
    answer.status == StatusCode::OK
}

/// Whether it was served, where it may be.
fn is_as_it_should_be(answer: &Answer, gets: Gets) -> bool {
    assert_eq!(is_served(answer), gets == Gets::Served, "{}", answer.status);
    gets == Gets::Served
}

/// An opaque 503: nothing of the engine, and not a word of the cookie.
fn refused(answer: &Answer) {
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.body
    );
    assert_eq!(answer.body, "Service Unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    answer.assert_no_set_cookie();
    let known = [
        "content-type",
        "content-length",
        "cache-control",
        "retry-after",
        "vary",
    ];
    for name in answer.headers.keys() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
}

/// Asks again until it is so.
///
/// # Panics
///
/// When it takes longer than any recovery.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < RECOVERY, "it takes too long until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl<F> fmt::Debug for Stand<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stand")
            .field("attempted", &self.attempted)
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
