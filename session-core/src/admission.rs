//! How many sessions an owner may have.

use crate::{
    AtLimit, Backend, Error, SessionId, StoreError,
    id::one_way,
    observe::{self, Destroyed},
    runtime::within,
    turns::{Key, Turn},
};

/// One log-in that counts. Those of one owner take turns in this process, so the limit is exact in one process,
/// and best effort between several.
pub(crate) struct Admission {
    owner: String,
    surplus: Vec<SessionId>,
    /// Held until the log-in is committed.
    _turn: Turn,
}

impl Backend {
    /// May this owner, if there is one, have one more session? `None` where there is no limit to keep, or this is one of theirs already.
    pub(crate) async fn admit(
        &self,
        owner: Option<&str>,
        this: Option<SessionId>,
    ) -> Result<Option<Admission>, Error> {
        let (Some(owner), Some((limit, at_limit))) = (owner, self.policy.max_sessions_per_owner)
        else {
            return Ok(None);
        };
        let turn = Box::pin(self.turns.take(Key::of_owner(owner)));
        let mut patience = self.runtime.sleep(self.policy.update_timeout);
        let turn = within(turn, &mut patience)
            .await
            .ok_or_else(observe::contended)?;
        let mut others = self.find_by_owner(owner).await?;
        if others.iter().any(|(id, _)| Some(*id) == this) {
            return Ok(None);
        }
        let surplus = (others.len() + 1).saturating_sub(limit);
        if surplus > 0 && at_limit == AtLimit::Reject {
            observe::log_in_refused(limit);
            return Err(Error::TooManySessions);
        }
        others.sort_unstable_by_key(|(id, record)| (record.owner_since(), *id));
        others.truncate(surplus);
        Ok(Some(Admission {
            owner: owner.to_owned(),
            surplus: others.into_iter().map(|(id, _)| id).collect(),
            _turn: turn,
        }))
    }

    /// The log-in is committed: the oldest make room. It stands also where that fails, for its client could not
    /// come back without the new token; the next one clears up.
    pub(crate) async fn make_room(&self, admission: Option<Admission>) {
        let Some(Admission { owner, surplus, .. }) = &admission else {
            return;
        };
        for id in surplus {
            if let Err(error) = self.end_surplus(*id, owner).await {
                observe::surplus_not_ended(*id, &error);
            }
        }
    }

    /// Unless somebody else has logged in there meanwhile.
    async fn end_surplus(&self, id: SessionId, owner: &str) -> Result<(), StoreError> {
        let record = self.load(id).await?;
        if record.is_some_and(|record| record.owner() == Some(owner)) {
            self.destroy(id, Destroyed::Limit).await?;
        }
        Ok(())
    }
}

impl Key {
    fn of_owner(owner: &str) -> Self {
        Self(one_way(b"session owner", owner.as_bytes()))
    }
}
