//! What two overlapping requests of one session must lead to: a pure function of what they do and in which order.

use std::collections::BTreeMap;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Op {
    Read,
    Touch,
    /// Of a field that only this request writes.
    Write,
    /// Of a field that both write.
    WriteShared,
    Update,
    Rotate,
    /// Sets the owner.
    LogIn,
    Destroy,
    DestroyThenWrite,
}

impl Op {
    pub(super) const ALL: [Self; 9] = [
        Self::Read,
        Self::Touch,
        Self::Write,
        Self::WriteShared,
        Self::Update,
        Self::Rotate,
        Self::LogIn,
        Self::Destroy,
        Self::DestroyThenWrite,
    ];
}

/// How far a request gets before the other one goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The session is loaded, and the handler runs.
    Load,
    /// What changes the store is on its way, and waits before it.
    Send,
    /// The store has done it, and the response has left.
    Commit,
    /// The browser has the response.
    Deliver,
}

/// Whose step it is, the first request's or the second's, and which.
pub(super) type Interleaving = Vec<(usize, Step)>;

/// Every order of the steps of two requests; the first to load is the first request.
pub(super) fn interleavings() -> Vec<Interleaving> {
    const STEPS: [Step; 4] = [Step::Load, Step::Send, Step::Commit, Step::Deliver];
    let mut all: Vec<([usize; 2], Interleaving)> = vec![([1, 0], vec![(0, Step::Load)])];
    for _ in 1..2 * STEPS.len() {
        all = all
            .into_iter()
            .flat_map(|(done, so_far)| {
                [0, 1].into_iter().filter_map(move |who| {
                    let step = *STEPS.get(done[who])?;
                    let mut done = done;
                    done[who] += 1;
                    let mut longer = so_far.clone();
                    longer.push((who, step));
                    Some((done, longer))
                })
            })
            .collect();
    }
    all.into_iter().map(|(_, whole)| whole).collect()
}

/// A session by its number: 0 is the one that was there before, the others are new.
pub(super) type Number = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) session: Number,
    pub(super) generation: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    Keep,
    Set(Token),
    Remove,
}

/// What a response must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) status: u16,
    pub(super) cookie: Cookie,
    /// A renewed expiry may be told to the browser, or not: the other request may have told it.
    pub(super) may_renew: Option<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stored {
    pub(super) generation: u32,
    pub(super) fields: BTreeMap<String, u64>,
    pub(super) owned: bool,
    touched: bool,
}

/// What a request found when it loaded.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Nothing {
        presented: bool,
    },
    OlderGeneration,
    Live {
        token: Token,
        touch_due: bool,
    },
    /// An explicit touch looks again: what it must answer if it has nothing to send.
    LookedAgain(Expected),
}

/// Store, browser and both requests.
pub(super) struct World {
    ops: [Op; 2],
    /// Touches are due in the session that was there before.
    touch_due: bool,
    pub(super) sessions: Vec<Option<Stored>>,
    pub(super) browser: Option<Token>,
    seen: [Option<Seen>; 2],
}

impl World {
    pub(super) fn new(ops: [Op; 2], touch_due: bool) -> Self {
        let before = Stored {
            fields: BTreeMap::from([("shared".to_owned(), 9)]),
            ..Stored::default()
        };
        Self {
            ops,
            touch_due,
            sessions: vec![Some(before)],
            browser: Some(Token {
                session: 0,
                generation: 0,
            }),
            seen: [None, None],
        }
    }

    pub(super) fn load(&mut self, who: usize) {
        let seen = match self.browser {
            None => Seen::Nothing { presented: false },
            Some(token) => match &self.sessions[token.session] {
                None => Seen::Nothing { presented: true },
                Some(stored) if token.generation < stored.generation => Seen::OlderGeneration,
                Some(stored) => Seen::Live {
                    token,
                    touch_due: self.touch_due && !stored.touched,
                },
            },
        };
        self.seen[who] = Some(seen);
    }

    pub(super) fn send(&mut self, who: usize) {
        let (Some(Seen::Live { token, .. }), Op::Touch) = (self.seen[who], self.ops[who]) else {
            return;
        };
        let newest = match self.live(token) {
            None => Seen::LookedAgain(Expected::refused()),
            Some(stored) if !self.touch_due || stored.touched => {
                Seen::LookedAgain(Expected::nothing())
            }
            Some(_) => Seen::Live {
                token,
                touch_due: true,
            },
        };
        self.seen[who] = Some(newest);
    }

    /// The session, if this token still opens it.
    fn live(&self, token: Token) -> Option<&Stored> {
        let stored = self.sessions[token.session].as_ref();
        stored.filter(|stored| stored.generation == token.generation)
    }

    pub(super) fn commit(&mut self, who: usize) -> Expected {
        match (self.seen[who].expect("loaded"), self.ops[who]) {
            (Seen::LookedAgain(answer), _) => answer,
            // R13: a parallel request of the page that rotated, unless somebody logs in.
            (Seen::OlderGeneration, op @ Op::LogIn) => self.start(who, op),
            (Seen::OlderGeneration, Op::Update) => Expected::refused(),
            (Seen::OlderGeneration, _)
            | (Seen::Nothing { .. }, Op::Read | Op::Touch | Op::Rotate)
            | (Seen::Nothing { presented: false }, Op::Destroy) => Expected::nothing(),
            (Seen::Nothing { presented: true }, Op::Destroy) => Expected::told(Cookie::Remove),
            (Seen::Nothing { .. }, op) => self.start(who, op),
            (Seen::Live { token, .. }, Op::Destroy) => {
                self.sessions[token.session] = None;
                Expected::told(Cookie::Remove)
            }
            (Seen::Live { token, .. }, op @ Op::DestroyThenWrite) => {
                self.sessions[token.session] = None;
                self.start(who, op)
            }
            (Seen::Live { token, touch_due }, op) => self.write(who, op, token, touch_due),
        }
    }

    fn start(&mut self, who: usize, op: Op) -> Expected {
        let mut stored = Stored {
            owned: op == Op::LogIn,
            touched: true,
            ..Stored::default()
        };
        put(&mut stored.fields, who, op);
        self.sessions.push(Some(stored));
        Expected::told(Cookie::Set(Token {
            session: self.sessions.len() - 1,
            generation: 0,
        }))
    }

    fn write(&mut self, who: usize, op: Op, token: Token, touch_due: bool) -> Expected {
        let stored = self.sessions[token.session].as_mut();
        let Some(stored) = stored.filter(|stored| stored.generation == token.generation) else {
            // R8 and R11: ended, or beyond a barrier. Only who asked is told.
            return if matches!(op, Op::Update | Op::Touch) {
                Expected::refused()
            } else {
                Expected::nothing()
            };
        };
        put(&mut stored.fields, who, op);
        let rotates = matches!(op, Op::Rotate | Op::LogIn);
        stored.owned |= op == Op::LogIn;
        stored.touched |= touch_due || op == Op::LogIn;
        stored.generation += u32::from(rotates);
        let token = Token {
            generation: stored.generation,
            ..token
        };
        if rotates {
            return Expected::told(Cookie::Set(token));
        }
        Expected {
            may_renew: touch_due.then_some(token),
            ..Expected::nothing()
        }
    }

    pub(super) fn deliver(&mut self, cookie: Cookie) {
        match cookie {
            Cookie::Keep => {}
            Cookie::Set(token) => self.browser = Some(token),
            Cookie::Remove => self.browser = None,
        }
    }
}

fn put(fields: &mut BTreeMap<String, u64>, who: usize, op: Op) {
    match op {
        Op::Write | Op::DestroyThenWrite => {
            fields.insert(own_field(who).to_owned(), 1);
        }
        Op::WriteShared => {
            fields.insert("shared".to_owned(), who as u64 + 1);
        }
        Op::Update => *fields.entry("count".to_owned()).or_default() += 1,
        Op::Read | Op::Touch | Op::Rotate | Op::LogIn | Op::Destroy => {}
    }
}

pub(super) fn own_field(who: usize) -> &'static str {
    ["first", "second"][who]
}

impl Expected {
    fn nothing() -> Self {
        Self::told(Cookie::Keep)
    }

    fn told(cookie: Cookie) -> Self {
        Self {
            status: 200,
            cookie,
            may_renew: None,
        }
    }

    fn refused() -> Self {
        Self {
            status: 409,
            ..Self::nothing()
        }
    }

    pub(super) fn allows(self, status: u16, cookie: Cookie) -> bool {
        let renewed = self
            .may_renew
            .is_some_and(|token| cookie == Cookie::Set(token));
        status == self.status && (cookie == self.cookie || renewed)
    }
}
