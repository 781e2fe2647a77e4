//! What a browser may see after requests that ran at once: a pure function of what it saw before, and of their outcomes.

use crate::app::Op;

/// What one sees of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Its fingerprint.
    pub(crate) session: String,
    pub(crate) owner: Option<u64>,
    pub(crate) a: u64,
    pub(crate) b: u64,
    pub(crate) shared: u64,
    pub(crate) kept: u64,
    pub(crate) count: u64,
}

/// How a request ended for its browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// It was told that its session has gone, or that somebody rotated it.
    Refused,
    /// The store failed: nobody knows whether it was done.
    Failed,
    /// The browser gave up.
    Cut,
}

impl Outcome {
    fn is_unsure(self) -> bool {
        matches!(self, Self::Failed | Self::Cut)
    }
}

/// One of the requests that ran at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) op: Op,
    pub(crate) to: u64,
    pub(crate) outcome: Outcome,
}

/// Those requests. At most one of them is a barrier or ends the session.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) done: &'a [Done],
    /// One of them may have found that it is time for a periodic rotation.
    pub(crate) may_rotate: bool,
    /// The store failed, or the browser gave up.
    pub(crate) trouble: bool,
}

impl Round<'_> {
    /// Why this must not be.
    pub(crate) fn judge(&self, before: Option<&Seen>, after: Option<&Seen>) -> Result<(), String> {
        match (before, after) {
            (None, None) => self.none_from_none(),
            (None, Some(after)) => self.started(after),
            (Some(_), None) => self.ended(),
            (Some(before), Some(after)) if before.session == after.session => {
                self.statuses()?;
                self.stayed(before, after)
            }
            (Some(_), Some(after)) => {
                self.statuses()?;
                if !self.any(Op::ends) {
                    return Err("another session".to_owned());
                }
                self.started(after)
            }
        }
    }

    fn any(&self, is: impl Fn(Op) -> bool) -> bool {
        self.done.iter().any(|done| is(done.op))
    }

    fn special(&self) -> Option<&Done> {
        let is_special = |done: &&Done| done.op.ends() || done.op.is_barrier();
        self.done.iter().find(is_special)
    }

    fn statuses(&self) -> Result<(), String> {
        for done in self.done {
            let says_so = matches!(done.op, Op::Update | Op::Touch);
            match done.outcome {
                Outcome::Refused if !says_so || self.special().is_none() => {
                    return Err("refused".to_owned());
                }
                // A creation in trouble, or a look into an owner's list, tells of no session that its browser knows.
                Outcome::Failed if !self.trouble && !self.any(Op::ends) => {
                    return Err("failed without a cause".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn none_from_none(&self) -> Result<(), String> {
        let starts = |done: &Done| done.outcome == Outcome::Done && fresh(done).is_some();
        if self.done.iter().any(starts) && !self.any(|op| op == Op::LogOut) {
            return Err("what was done is lost".to_owned());
        }
        Ok(())
    }

    /// A new session holds what one request wrote, and its browser was told.
    fn started(&self, after: &Seen) -> Result<(), String> {
        let started = self.done.iter().any(|done| {
            let fresh = fresh(done).map(|fresh| Seen {
                session: after.session.clone(),
                ..fresh
            });
            done.outcome == Outcome::Done && fresh.as_ref() == Some(after)
        });
        if !started {
            return Err("nobody started such a session".to_owned());
        }
        Ok(())
    }

    fn ended(&self) -> Result<(), String> {
        self.statuses()?;
        let special = self.special().ok_or("the session is lost")?;
        let fine = match special.op {
            Op::LogOut | Op::LogOutEverywhere => true,
            // The answer with the new token may be lost.
            _ if special.outcome.is_unsure() => true,
            // Its own new token may be overtaken by that of a periodic rotation just before it: no store can help it,
            // the browser keeps what comes last.
            _ => self.may_rotate && self.done.len() > 1,
        };
        if !fine {
            return Err("the session is lost".to_owned());
        }
        Ok(())
    }

    fn stayed(&self, before: &Seen, after: &Seen) -> Result<(), String> {
        let special = self.special().filter(|it| it.outcome == Outcome::Done);
        if special.is_some_and(|it| it.op.ends()) {
            return Err("the dead came back".to_owned());
        }
        let owner = match special.map(|special| (special.op, special.to)) {
            Some((Op::SetOwner, to)) => Some(to),
            Some((Op::ClearOwner, _)) => None,
            _ => before.owner,
        };
        if after.owner != owner {
            return Err("another owner".to_owned());
        }
        // From one owner to another, or to none, what is not kept goes.
        let dropped = before.owner.is_some() && before.owner != owner;
        let is_barrier = special.is_some();
        let value = |op: Op, old: u64, new: u64| {
            let writes = self.done.iter().filter(|done| done.op == op);
            let is_new = writes.clone().any(|done| done.to == new);
            let may_stay = is_barrier || writes.clone().all(|done| done.outcome.is_unsure());
            is_new || (may_stay && old == new)
        };
        let of_former = |op, old, new| {
            if dropped {
                new == 0
            } else {
                value(op, old, new)
            }
        };
        if !of_former(Op::WriteA, before.a, after.a)
            || !of_former(Op::WriteB, before.b, after.b)
            || !of_former(Op::WriteShared, before.shared, after.shared)
            || !value(Op::WriteKept, before.kept, after.kept)
        {
            return Err("a field is not what was written".to_owned());
        }
        let updates = |is: fn(Outcome) -> bool| {
            let updates = self.done.iter().filter(|done| done.op == Op::Update);
            updates.filter(|done| is(done.outcome)).count() as u64
        };
        let sure = before.count + updates(|outcome| outcome == Outcome::Done);
        let most = sure + updates(Outcome::is_unsure);
        let counted = if dropped {
            after.count == 0
        } else {
            (sure..=most).contains(&after.count)
        };
        if !counted {
            return Err("an update counts not once".to_owned());
        }
        Ok(())
    }
}

/// The session that a request starts where there is none.
fn fresh(done: &Done) -> Option<Seen> {
    let mut fresh = Seen::default();
    match done.op {
        Op::WriteA | Op::Restart => fresh.a = done.to,
        Op::WriteB => fresh.b = done.to,
        Op::WriteShared => fresh.shared = done.to,
        Op::WriteKept => fresh.kept = done.to,
        Op::Update => fresh.count = 1,
        Op::SetOwner => fresh.owner = Some(done.to),
        _ => return None,
    }
    Some(fresh)
}
