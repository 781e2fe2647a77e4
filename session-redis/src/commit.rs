//! The one atomic commit: a script changes the hash by the rule, and what it found tells the outcome.

use redis::Value;
use session_core::{Committed, Guard, Patch, SessionId, StoreError};

use crate::{
    error::Malformed,
    reply::{Reply, cut, record},
    request::Args,
    script::{self, MAX_UNPACKED},
    store::{Connection, RedisStore},
};

impl<C: Connection> RedisStore<C> {
    pub(crate) async fn apply(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let reply = if self.nodes.is_one() && is_short(patch) {
            self.commit_fields(id, guard, patch).await?
        } else {
            self.commit_all(id, guard, patch).await?
        };
        self.outcome(id, guard, patch, reply)
    }

    /// Whatever a patch can ask for.
    async fn commit_all(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Reply, StoreError> {
        let lifetime = patch.renewal.map(|renewal| renewal.lifetime);
        if let Some(lifetime) = lifetime {
            self.has_seen(lifetime);
        }
        let (key, owner) = (self.key(id), patch.owner.owner());
        let marks = self.enrol_first(owner, &key, lifetime).await?;
        let owner_keys = owner.map(|owner| self.owner_keys(owner));
        let keys = self.with_owner(&key, owner_keys.as_ref());
        let args = Args::of_commit(key.member(), self.nonce(), guard, patch, marks);
        let reply: Vec<Value> = self.call(&script::COMMIT, &keys, &args.bytes()).await?;
        Reply::try_from(reply)
    }

    /// A commit of fields alone, at two thirds of the server's time.
    async fn commit_fields(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Reply, StoreError> {
        let (key, args) = (self.key(id), Args::of_short_commit(guard, patch));
        let (keys, args) = ([key.key.as_bytes()], args.bytes());
        Reply::of_fields(self.call(&script::COMMIT_FIELDS, &keys, &args).await?)
    }

    fn outcome(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
        mut reply: Reply,
    ) -> Result<Committed, StoreError> {
        let found = reply.found.take();
        match reply.status.as_str() {
            "applied" => {
                // The script has done what the rule does: its outcome need not be read again.
                let Committed::Applied(next) = record(found)?.commit(guard, patch, reply.now)
                else {
                    return Err(Malformed("the script broke the rule").into());
                };
                let next = cut(next);
                self.settle_indexes(id, &next, &reply);
                Ok(Committed::Applied(next))
            }
            "repeated" => Ok(Committed::Applied(record(found)?)),
            "conflict" => Ok(Committed::Conflict(record(found)?)),
            "superseded" => Ok(Committed::Superseded(record(found)?)),
            "gone" => Ok(Committed::Gone),
            _ => Err(Malformed("an unknown status").into()),
        }
    }
}

fn is_short(patch: &Patch) -> bool {
    patch.is_of_fields_alone() && patch.fields.len() <= MAX_UNPACKED
}
