//! A new session: a script makes the hash, unless there is one.

use std::sync::Arc;

use redis::Value;
use session_core::{Created, NewRecord, Record, SessionId, StoreError, Timestamp};

use crate::{
    error::Malformed,
    reply::{Reply, cut, moment, record},
    request::Args,
    script::{self, MAX_UNPACKED},
    store::{Connection, RedisStore},
};

impl<C: Connection> RedisStore<C> {
    pub(crate) async fn start(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.has_seen(new.lifetime);
        let is_short = new.owner.is_none() && new.fields.len() <= MAX_UNPACKED;
        if self.nodes.is_one()
            && is_short
            && let Some(now) = self.create_fields(id, &new).await?
        {
            return Ok(Created::Created(created(new, now)));
        }
        self.create_all(id, new).await
    }

    /// A session of nobody, at two thirds of the server's time. `None` where the key exists, be it dead.
    async fn create_fields(
        &self,
        id: SessionId,
        new: &NewRecord,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (key, args) = (self.key(id), Args::of_short_creation(new));
        let keys = [key.key.as_bytes()];
        let answer: Value = self
            .call(&script::CREATE_FIELDS, &keys, &args.bytes())
            .await?;
        if answer == Value::Array(Vec::new()) {
            return Ok(None);
        }
        Ok(Some(moment(answer)?))
    }

    /// Whatever a new record can have.
    async fn create_all(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        let (key, owner) = (self.key(id), new.owner.as_deref());
        let [seen, _] = self.enrol_first(owner, &key, Some(new.lifetime)).await?;
        let owner_keys = owner.map(|owner| self.owner_keys(owner));
        let keys = self.with_owner(&key, owner_keys.as_ref());
        let args = Args::of_creation(key.member(), self.nonce(), &new, seen);
        let reply: Vec<Value> = self.call(&script::CREATE, &keys, &args.bytes()).await?;
        let reply = Reply::try_from(reply)?;
        match reply.status.as_str() {
            "created" => {
                let record = created(new, reply.now);
                self.settle_indexes(id, &record, &reply);
                Ok(Created::Created(record))
            }
            "repeated" => Ok(Created::Created(record(reply.found)?)),
            "taken" => Ok(Created::IdTaken),
            _ => Err(Malformed("an unknown status").into()),
        }
    }
}

fn created(new: NewRecord, now: Timestamp) -> Arc<Record> {
    cut(Arc::new(Record::create(new, now)))
}
