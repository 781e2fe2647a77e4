//! One browser's life: it thinks, sends some requests at once, and looks at what came of it.

use std::{
    collections::VecDeque,
    ops::AddAssign,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng, seq::SliceRandom as _};
use session_tests::Browser;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    app::{ABSOLUTE, GRACE, IDLE, Op, ROTATE_EVERY, TOUCH_INTERVAL},
    model::{Done, Outcome, Round, Seen},
    store::{SETTLED, Unreliable},
};

/// Values of one browser: seen by another one, they tell whose they are.
const VALUES: u64 = 1_000_000_000;
/// No round takes longer, whatever the store does.
const LONGEST_ROUND: Duration = Duration::from_mins(4);
/// So many rounds are told of a failure, and so many ended sessions remembered.
const HISTORY: usize = 12;

/// What happened, so that a run that tries nothing does not pass.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rounds: u64,
    requests: u64,
    at_once: u64,
    expired: u64,
    ended: u64,
    rotated: u64,
    owned: u64,
    failed: u64,
    cut: u64,
    refused: u64,
    replayed: u64,
    stolen: u64,
}

impl Tally {
    fn all(&mut self) -> [(&'static str, &mut u64); 12] {
        [
            ("rounds", &mut self.rounds),
            ("requests", &mut self.requests),
            ("requests at once", &mut self.at_once),
            ("expired sessions", &mut self.expired),
            ("ended sessions", &mut self.ended),
            ("rotations", &mut self.rotated),
            ("owners", &mut self.owned),
            ("failures", &mut self.failed),
            ("requests given up", &mut self.cut),
            ("refused writes", &mut self.refused),
            ("replayed tokens", &mut self.replayed),
            ("stolen tokens", &mut self.stolen),
        ]
    }

    pub(crate) fn assert_all_happened(&mut self) -> Result<(), String> {
        match self.all().into_iter().find(|(_, times)| **times == 0) {
            Some((what, _)) => Err(format!("there were no {what}")),
            None => Ok(()),
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, mut other: Self) {
        for ((_, sum), (_, more)) in self.all().into_iter().zip(other.all()) {
            *sum += *more;
        }
    }
}

/// The session as it was last seen, and until when it surely lives, and from when on surely not.
#[derive(Debug, Clone)]
struct Known {
    seen: Seen,
    /// Between these its absolute clock started.
    started: [Instant; 2],
    /// Its generation has not risen before.
    rotated: Instant,
    lives_until: Instant,
    dead_from: Instant,
}

/// A browser whose every step is judged.
#[derive(Debug)]
pub(crate) struct Soaked {
    number: u64,
    browser: Browser,
    store: Unreliable,
    stop: Arc<AtomicBool>,
    dice: SmallRng,
    known: Option<Known>,
    next_value: u64,
    ended: VecDeque<String>,
    history: VecDeque<String>,
    tally: Tally,
}

impl Soaked {
    pub(crate) fn new(
        number: u64,
        seed: u64,
        app: Router,
        store: Unreliable,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            number,
            browser: Browser::new(app),
            store,
            stop,
            dice: SmallRng::seed_from_u64(seed ^ (number + 1) << 32),
            known: None,
            next_value: number * VALUES,
            ended: VecDeque::new(),
            history: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) async fn live(mut self) -> Result<Tally, String> {
        while !self.stop.load(Ordering::Relaxed) {
            let think = self.think();
            sleep(think).await;
            if let Err(fault) = self.round().await {
                let history: Vec<_> = self.history.into();
                let history = history.join("\n  ");
                return Err(format!(
                    "browser {}: {fault} after\n  {history}",
                    self.number
                ));
            }
        }
        Ok(self.tally)
    }

    fn think(&mut self) -> Duration {
        let longest = match self.dice.gen_range(0..100) {
            0..60 => 30,
            60..85 => 10 * 60,
            85..98 => 55 * 60,
            _ => 3 * 60 * 60,
        };
        Duration::from_millis(self.dice.gen_range(0..longest * 1_000))
    }

    async fn round(&mut self) -> Result<(), String> {
        self.tally.rounds += 1;
        let now = Instant::now();
        let (unsure, dead) = self.known.as_ref().map_or((false, false), |known| {
            (
                now + LONGEST_ROUND > known.lives_until,
                now >= known.dead_from,
            )
        });
        if unsure {
            return self.after_a_pause(dead).await;
        }
        let ops = self.choose();
        let stolen = self.browser.copy();
        let done = self.send(&ops).await?;
        let cut = done.iter().any(|done| done.outcome == Outcome::Cut);
        let trouble = self.took_trouble() || cut;
        if trouble || done.iter().any(|done| done.outcome == Outcome::Failed) {
            sleep(SETTLED).await;
        }
        let before = self.known.as_ref().map(|known| known.seen.clone());
        let may_rotate = (self.known.as_ref())
            .is_some_and(|known| Instant::now() >= known.rotated + ROTATE_EVERY);
        let after = self.settle().await?;
        self.note(format!("{before:?} {done:?} -> {after:?}"));
        let round = Round {
            done: &done,
            may_rotate,
            trouble,
        };
        round.judge(before.as_ref(), after.as_ref())?;
        self.try_stolen(&done, &stolen).await?;
        self.learn(now, after, &done);
        Ok(())
    }

    /// The session may have expired meanwhile.
    async fn after_a_pause(&mut self, dead: bool) -> Result<(), String> {
        let now = Instant::now();
        let before = self.known.as_ref().map(|known| known.seen.clone());
        let after = self.settle().await?;
        self.note(format!("{before:?} pause, dead: {dead} -> {after:?}"));
        match &after {
            Some(_) if dead => return Err("an expired session lives".to_owned()),
            Some(_) if after != before => return Err("a pause changed something".to_owned()),
            Some(_) => {}
            None => self.tally.expired += 1,
        }
        self.learn(now, after, &[]);
        Ok(())
    }

    /// What runs at once: at most one of them is a barrier or ends the session.
    fn choose(&mut self) -> Vec<Op> {
        const USUAL: [Op; 8] = [
            Op::Look,
            Op::Touch,
            Op::WriteA,
            Op::WriteB,
            Op::WriteShared,
            Op::WriteKept,
            Op::Update,
            Op::Update,
        ];
        let mut usual = USUAL.to_vec();
        usual.extend([Op::WriteShared; 2]);
        usual.shuffle(&mut self.dice);
        let at_once = *[1, 1, 1, 2, 3, 4].choose(&mut self.dice).expect("some");
        usual.truncate(at_once);
        let owned = (self.known.as_ref()).is_some_and(|known| known.seen.owner.is_some());
        let special = match self.dice.gen_range(0..100) {
            0..8 => Op::Rotate,
            8..16 => Op::SetOwner,
            16..20 if owned => Op::ClearOwner,
            20..24 => Op::LogOut,
            24..27 if owned => Op::LogOutEverywhere,
            27..30 => Op::Restart,
            _ => return usual,
        };
        let at = self.dice.gen_range(0..usual.len());
        usual[at] = special;
        usual
    }

    async fn send(&mut self, ops: &[Op]) -> Result<Vec<Done>, String> {
        self.tally.requests += ops.len() as u64;
        self.tally.at_once += u64::from(ops.len() > 1);
        let mut on_their_way = Vec::new();
        for op in ops.iter().copied() {
            let to = if op == Op::SetOwner {
                self.number * VALUES + self.dice.gen_range(0..2)
            } else {
                self.next_value += 1;
                // Beyond the numbers of the owners.
                self.next_value + 2
            };
            let patience = match self.dice.gen_range(0..100) {
                0..2 => Duration::from_millis(self.dice.gen_range(0..40)),
                _ => Duration::from_hours(1),
            };
            let begin = Duration::from_millis(self.dice.gen_range(0..10));
            let (browser, request) = (self.browser.clone(), self.request(&op.path(to)));
            let answer = tokio::spawn(async move {
                sleep(begin).await;
                timeout(patience, browser.send(request)).await
            });
            on_their_way.push((op, to, answer));
        }
        let mut done = Vec::new();
        for (op, to, answer) in on_their_way {
            let answer = answer.await.map_err(|error| error.to_string())?;
            let outcome = match answer.as_ref().map(|answer| answer.status) {
                Err(_) => Outcome::Cut,
                Ok(StatusCode::OK) => Outcome::Done,
                Ok(StatusCode::CONFLICT) => Outcome::Refused,
                Ok(StatusCode::SERVICE_UNAVAILABLE) => Outcome::Failed,
                Ok(status) => return Err(format!("{op:?} is answered {status}")),
            };
            if let (Op::Look, Ok(answer)) = (op, answer)
                && outcome == Outcome::Done
            {
                self.read(&answer.body)?;
            }
            self.tally.failed += u64::from(outcome == Outcome::Failed);
            self.tally.cut += u64::from(outcome == Outcome::Cut);
            self.tally.refused += u64::from(outcome == Outcome::Refused);
            done.push(Done { op, to, outcome });
        }
        Ok(done)
    }

    /// With the cookie that the browser has now: those of one page may arrive later.
    fn request(&self, path: &str) -> Request<Body> {
        // Where it has none, that of another app: a header of ours keeps the browser from adding a later one.
        let cookie = self.browser.cookie("sid");
        let cookie = cookie.map_or("other=1".to_owned(), |cookie| format!("sid={cookie}"));
        let request = Request::get(path).header(header::COOKIE, cookie);
        request.body(Body::empty()).expect("a request")
    }

    /// What a page shows is this browser's own, and nothing of the dead.
    fn read(&self, body: &str) -> Result<(Option<Seen>, String), String> {
        type Page = (
            Option<String>,
            String,
            (Option<u64>, u64, u64, u64, u64, u64),
        );
        let page: Page = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let (session, status, (owner, a, b, shared, kept, count)) = page;
        let values = [a, b, shared, kept].into_iter().filter(|value| *value != 0);
        for value in values.chain(owner) {
            if value / VALUES != self.number {
                return Err(format!("it sees another one's {value}"));
            }
        }
        let Some(session) = session else {
            if (owner, a, b, shared, kept, count) != (None, 0, 0, 0, 0, 0) {
                return Err("values without a session".to_owned());
            }
            return Ok((None, status));
        };
        if self.ended.contains(&session) {
            return Err("the dead came back".to_owned());
        }
        let seen = Seen {
            session,
            owner,
            a,
            b,
            shared,
            kept,
            count,
        };
        Ok((Some(seen), status))
    }

    /// Looks until nothing was in trouble: from then on the browser has the newest token.
    async fn settle(&mut self) -> Result<Option<Seen>, String> {
        for _ in 0..50 {
            self.took_trouble();
            let answer = self.browser.get("/look").await;
            if answer.status == StatusCode::OK && !self.took_trouble() {
                let (seen, status) = self.read(&answer.body)?;
                if status == "Replayed" {
                    // Within the grace, what it writes would be dropped.
                    self.tally.replayed += 1;
                    sleep(GRACE + GRACE).await;
                }
                return Ok(seen);
            }
            sleep(SETTLED).await;
        }
        Err("it is in trouble for ever".to_owned())
    }

    fn took_trouble(&self) -> bool {
        let known = self.known.as_ref();
        known.is_some_and(|known| self.store.took_trouble(&known.seen.session))
    }

    /// After a rotation or an end, whoever copied the cookie before has nothing of it.
    async fn try_stolen(&mut self, done: &[Done], stolen: &Browser) -> Result<(), String> {
        let [
            Done {
                op,
                outcome: Outcome::Done,
                ..
            },
        ] = done
        else {
            return Ok(());
        };
        if stolen.cookie("sid").is_none() || !(op.ends() || op.is_barrier()) {
            return Ok(());
        }
        self.tally.stolen += 1;
        let answer = stolen.get("/look").await;
        match answer.status {
            StatusCode::OK if self.read(&answer.body)?.0.is_some() => {
                Err("a stolen token of an older generation opens".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn learn(&mut self, begin: Instant, after: Option<Seen>, done: &[Done]) {
        let now = Instant::now();
        let former = self.known.take();
        let Some(seen) = after else {
            if let Some(former) = former {
                self.bury(former.seen.session, done);
            }
            return;
        };
        let mut known = Known {
            started: [begin, now],
            rotated: begin,
            lives_until: now,
            dead_from: now,
            seen,
        };
        match former {
            Some(former) if former.seen.session == known.seen.session => {
                let rotates = |done: &Done| done.op.is_barrier() && done.outcome == Outcome::Done;
                if done.iter().any(rotates) {
                    self.tally.rotated += 1;
                } else {
                    known.rotated = former.rotated;
                }
                if former.seen.owner == known.seen.owner {
                    known.started = former.started;
                } else {
                    self.tally.owned += 1;
                }
            }
            Some(former) => self.bury(former.seen.session, done),
            None => {}
        }
        let [earliest, latest] = known.started;
        known.lives_until = (begin + IDLE - TOUCH_INTERVAL).min(earliest + ABSOLUTE);
        known.dead_from = (now + IDLE).min(latest + ABSOLUTE);
        self.known = Some(known);
    }

    /// A session that this browser has lost. It is dead for ever only if it was ended.
    fn bury(&mut self, session: String, done: &[Done]) {
        self.store.took_trouble(&session);
        let ends = |done: &Done| done.op.ends() && done.outcome == Outcome::Done;
        if done.iter().any(ends) {
            self.tally.ended += 1;
            self.ended.push_back(session);
            if self.ended.len() > HISTORY {
                self.ended.pop_front();
            }
        }
    }

    fn note(&mut self, what: String) {
        self.history.push_back(what);
        if self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }
}
