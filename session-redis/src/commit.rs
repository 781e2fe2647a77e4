//! The one atomic commit: the script changes the hash by the rule, and what it found tells the outcome.

use std::sync::Arc;

use redis::Value;
use session_core::{Committed, Guard, Patch, Record, SessionId, StoreError, Timestamp};

use crate::{
    error::{Malformed, store_error},
    reply::{self, Reply, Stored, cut},
    request::Change,
    script,
    store::{Connection, RedisStore},
};

impl<C: Connection> RedisStore<C> {
    /// Whatever a patch can ask for.
    pub(crate) async fn commit_all(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let lifetime = patch.renewal.map(|renewal| renewal.lifetime);
        if let Some(lifetime) = lifetime {
            self.has_seen(lifetime);
        }
        let (key, owner) = (self.key(id), patch.owner.owner());
        let marks = self.enrol_first(owner, &key, lifetime).await?;
        let owner_keys = owner.map(|owner| self.owner_keys(owner));
        let keys = self.with_owner(&key, owner_keys.as_ref());
        let change = Change::new(key.member(), self.nonce(), guard, patch, marks);
        let reply: Vec<Value> = self.call(&script::COMMIT, &keys, &change.args()).await?;
        let mut reply = Reply::try_from(reply)?;
        let found = reply.found.take();
        match reply.status.as_str() {
            "applied" => {
                let next = applied(found, guard, patch, reply.now)?;
                self.settle_indexes(&key, &next, &reply);
                Ok(Committed::Applied(next))
            }
            "repeated" => Ok(Committed::Applied(record(found)?)),
            "conflict" => Ok(Committed::Conflict(record(found)?)),
            "superseded" => Ok(Committed::Superseded(record(found)?)),
            "gone" => Ok(Committed::Gone),
            _ => Err(Malformed("an unknown status").into()),
        }
    }

    /// A commit of fields alone, at two thirds of the server's time.
    pub(crate) async fn commit_fields(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let (key, change) = (self.key(id), Change::of_fields(guard, patch));
        let mut connection = self.connection.clone();
        let answer = script::COMMIT_FIELDS
            .call_timed(&mut connection, &[key.key.as_bytes()], &change.args())
            .await;
        let (time, answer) = answer.map_err(store_error)?;
        let now = reply::moment(time)?;
        let (refusal, hash) = reply::refusal(answer);
        let found = reply::stored(hash, now)?;
        match refusal.as_deref() {
            Some("gone") => Ok(Committed::Gone),
            // The key outlives its deadline by up to a millisecond: what was written then, nobody sees.
            _ if found.as_ref().is_some_and(|it| it.record.is_expired(now)) => Ok(Committed::Gone),
            None => Ok(Committed::Applied(applied(found, guard, patch, now)?)),
            Some("conflict") => Ok(Committed::Conflict(record(found)?)),
            Some("superseded") => Ok(Committed::Superseded(record(found)?)),
            Some("malformed") => Err(Malformed("a number is missing").into()),
            Some(_) => Err(Malformed("an unknown status").into()),
        }
    }
}

/// Fields alone, and not more of them than Lua unpacks at once.
pub(crate) fn is_short(patch: &Patch) -> bool {
    patch.is_of_fields_alone() && patch.fields.len() <= 1000
}

/// The script has done what the rule does: its outcome need not be read again.
fn applied(
    found: Option<Stored>,
    guard: Guard,
    patch: &Patch,
    now: Timestamp,
) -> Result<Arc<Record>, StoreError> {
    match record(found)?.commit(guard, patch, now) {
        Committed::Applied(next) => Ok(cut(next)),
        _ => Err(Malformed("the script broke the rule").into()),
    }
}

pub(crate) fn record(stored: Option<Stored>) -> Result<Arc<Record>, StoreError> {
    let stored = stored.ok_or(Malformed("an answer without a record"))?;
    Ok(stored.record)
}
