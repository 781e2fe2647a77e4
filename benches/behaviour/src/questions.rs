//! The questions, and what an answer is called.

use std::time::Duration;

use axum::Router;
use futures_util::future::BoxFuture;

use crate::{
    browser::{Answer, Browser},
    gate::Gate,
    subject::{Plan, Site, Subject},
};

pub struct Question {
    pub asks: &'static str,
    pub put: fn(Subject) -> BoxFuture<'static, String>,
}

macro_rules! questions {
    ($($asks:literal: $put:expr;)*) => {
        &[$(Question { asks: $asks, put: |subject| Box::pin($put(subject)) }),*]
    };
}

pub const ALL: &[Question] = questions! {
    "a visitor only reads": only_reads;
    "two parallel requests set different fields": async |subject| fields(subject, 1).await;
    "the same, in two processes on one store": async |subject| fields(subject, 3).await;
    "100 requests read a counter, wait for something, and add one": counted;
    "a slow request saves after the log-out": after_log_out;
    "… in another process": after_log_out_elsewhere;
    "a request that began before the log-in answers after it": across_the_log_in;
    "… and its write": across_the_log_in_write;
    "a parallel request sent with the old cookie writes after the log-in": late_write;
    "the cookie from before the log-in": stale_cookie;
    "a stored text is read as a number": undecodable;
    "an expired session": expired;
    "1000 expired sessions, after 1000 new ones": forgotten;
};

const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_secs(1);

fn site(subject: Subject, processes: usize, idle: Duration) -> (Site, Gate) {
    let gate = Gate::new();
    let plan = Plan {
        gate: gate.clone(),
        processes,
        idle,
    };
    ((subject.build)(&plan), gate)
}

async fn read(browser: &mut Browser, router: &Router) -> Vec<String> {
    let answer = browser.get(router, "/read").await;
    answer.text.split(' ').map(str::to_owned).collect()
}

fn is_user(shown: &[String]) -> bool {
    shown.get(2).is_some_and(|user| user == "ada")
}

fn said(answer: bool, yes: &str, no: &str) -> String {
    if answer { yes } else { no }.to_owned()
}

async fn only_reads(subject: Subject) -> String {
    let (site, _) = site(subject, 1, LONG);
    let answer = Browser::default().get(&site.processes[0], "/read").await;
    let cookie = said(answer.cookies.is_empty(), "no cookie", "a cookie");
    let record = said((site.held)() == 0, "no record", "a record");
    format!("{cookie}, {record}")
}

async fn fields(subject: Subject, processes: usize) -> String {
    let (site, gate) = site(subject, processes, LONG);
    let [first, .., last] = &site.processes[..] else {
        let one = &site.processes[0];
        return both(one, one, one, &gate).await;
    };
    // A third process reads what is stored.
    both(first, &site.processes[1], last, &gate).await
}

async fn both(one: &Router, two: &Router, third: &Router, gate: &Gate) -> String {
    let mut browser = Browser::default();
    browser.get(one, "/add").await;
    let (a, b) = (browser.send(one, "/slow/a"), browser.send(two, "/slow/b"));
    gate.hold(2, async {}).await;
    browser.take(a).await;
    browser.take(b).await;
    let shown = read(&mut browser, third).await;
    match (&*shown[0], &*shown[1]) {
        ("1", "1") => "both kept",
        ("-", "-") => "both lost",
        _ => "one is lost",
    }
    .to_owned()
}

async fn counted(subject: Subject) -> String {
    let (site, gate) = site(subject, 1, LONG);
    let one = &site.processes[0];
    let mut browser = Browser::default();
    browser.get(one, "/a").await;
    let sent: Vec<_> = (0..100).map(|_| browser.send(one, "/slow/add")).collect();
    gate.hold(100, async {}).await;
    for answer in sent {
        browser.take(answer).await;
    }
    let shown = read(&mut browser, one).await;
    format!("{} counted", shown[3])
}

async fn after_log_out(subject: Subject) -> String {
    let (site, gate) = site(subject, 1, LONG);
    let one = &site.processes[0];
    logged_out(one, one, &gate).await
}

async fn after_log_out_elsewhere(subject: Subject) -> String {
    let (site, gate) = site(subject, 2, LONG);
    logged_out(&site.processes[0], &site.processes[1], &gate).await
}

async fn logged_out(slow: &Router, quick: &Router, gate: &Gate) -> String {
    let mut browser = Browser::default();
    browser.get(slow, "/login").await;
    let mut thief = browser.clone();
    let writes = browser.send(slow, "/slow/a");
    gate.hold(1, browser.get(quick, "/logout")).await;
    browser.take(writes).await;
    let mut alive = false;
    for router in [slow, quick] {
        alive |= is_user(&read(&mut thief.clone(), router).await);
        alive |= is_user(&read(&mut browser.clone(), router).await);
    }
    let shown = read(&mut thief, slow).await;
    match (alive, &*shown[0]) {
        (true, _) => "is logged in again",
        (false, "-") => "stays logged out",
        (false, _) => "stays logged out; its session lives on, empty but for that write",
    }
    .to_owned()
}

/// A session, a request of it that waits, and the log-in meanwhile. With the browser from before.
async fn log_in_across(subject: Subject) -> (Site, Browser, Browser, Answer) {
    let (site, gate) = site(subject, 1, LONG);
    let one = &site.processes[0];
    let mut browser = Browser::default();
    browser.get(one, "/add").await;
    let before = browser.clone();
    let writes = browser.send(one, "/slow/a");
    gate.hold(1, browser.get(one, "/login")).await;
    let answer = browser.take(writes).await;
    (site, browser, before, answer)
}

async fn across_the_log_in(subject: Subject) -> String {
    let (site, mut browser, _, answer) = log_in_across(subject).await;
    let shown = read(&mut browser, &site.processes[0]).await;
    let stays = said(is_user(&shown), "stays logged in", "is logged out");
    if answer.status.is_success() {
        stays
    } else {
        format!("{stays}; that request fails: {}", answer.status)
    }
}

async fn across_the_log_in_write(subject: Subject) -> String {
    let (site, mut browser, mut before, _) = log_in_across(subject).await;
    let shown = read(&mut browser, &site.processes[0]).await;
    if is_user(&shown) && shown[0] == "1" {
        return "kept".to_owned();
    }
    let elsewhere = read(&mut before, &site.processes[0]).await[0] == "1";
    said(
        elsewhere,
        "brings the session of the old cookie back",
        "dropped",
    )
}

async fn late_write(subject: Subject) -> String {
    let (site, _) = site(subject, 1, LONG);
    let one = &site.processes[0];
    let mut browser = Browser::default();
    browser.get(one, "/add").await;
    let before = browser.clone();
    browser.get(one, "/login").await;
    browser.take(before.send(one, "/a")).await;
    let shown = read(&mut browser, one).await;
    said(is_user(&shown), "stays logged in", "is logged out")
}

async fn stale_cookie(subject: Subject) -> String {
    let (site, _) = site(subject, 1, LONG);
    let one = &site.processes[0];
    let mut browser = Browser::default();
    browser.get(one, "/add").await;
    let mut before = browser.clone();
    browser.get(one, "/login").await;
    let shown = read(&mut before, one).await;
    said(is_user(&shown), "opens the session", "opens nothing")
}

async fn undecodable(subject: Subject) -> String {
    let (site, _) = site(subject, 1, LONG);
    let one = &site.processes[0];
    let mut browser = Browser::default();
    browser.get(one, "/a").await;
    browser.get(one, "/text").await;
    let answer = browser.get(one, "/read").await;
    browser.get(one, "/b").await;
    let kept = browser.get(one, "/raw").await.text == "many";
    let kept = said(kept, "stays stored", "is lost");
    if answer.status.is_success() {
        let reads = said(
            answer.text == "1 - - -",
            "reads as absent",
            "reads as something else",
        );
        format!("{reads}, {kept}")
    } else {
        format!("an error of `get`, {kept}")
    }
}

async fn expired(subject: Subject) -> String {
    let (site, _) = site(subject, 1, SHORT);
    let one = &site.processes[0];
    let mut browser = Browser::default();
    browser.get(one, "/login").await;
    tokio::time::sleep(SHORT + SHORT / 4).await;
    let shown = read(&mut browser, one).await;
    said(is_user(&shown), "still opens", "opens nothing")
}

async fn forgotten(subject: Subject) -> String {
    let (site, _) = site(subject, 1, SHORT);
    let one = &site.processes[0];
    for round in 0..2 {
        for _ in 0..1000 {
            Browser::default().get(one, "/a").await;
        }
        if round == 0 {
            tokio::time::sleep(SHORT + SHORT / 4).await;
        }
    }
    // The last few may wait for the next request.
    said((site.held)() < 1100, "freed", "still held")
}
