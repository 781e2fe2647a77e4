//! [`RedisStore`]: the contract, method by method.

use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    RedisError, Value,
    aio::{ConnectionLike, ConnectionManager},
};
use session_core::{
    Committed, Created, Guard, Lifetime, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError,
};

use crate::{
    error::store_error,
    keys::{OwnerKeys, SessionKey, can_have_tag, id_of},
    owner::{Member, Stale},
    reply::{self, Reply, Stored},
    request::micros,
    scan::Nodes,
    script,
};

/// A mark holds at least this long: no browser keeps a cookie longer (RFC 6265bis, 5.5).
const MARK_HOLDS: Duration = Duration::from_hours(24 * 400);

/// Sessions in Redis, Valkey or Redis Cluster.
///
/// It takes the connection that the application has, and clones it for each call; the clones share one socket. (Of a
/// cluster it takes the client, by `RedisStore::cluster`.)
/// Clones of the store are the same store.
///
/// ```no_run
/// # async fn example() -> redis::RedisResult<()> {
/// use session_redis::RedisStore;
///
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let store = RedisStore::new(client.get_connection_manager().await?).prefix("shop:session:");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore<C = ConnectionManager> {
    pub(crate) connection: C,
    pub(crate) nodes: Nodes,
    pub(crate) prefix: Arc<str>,
    /// The longest lifetime seen, in microseconds.
    longest: Arc<AtomicU64>,
}

/// A connection that the store can clone and send to other tasks.
pub trait Connection: ConnectionLike + Clone + Send + Sync + 'static {}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Connection for C {}

impl<C: Connection> RedisStore<C> {
    /// On a single server (with or without replicas), over any connection of the `redis` crate.
    /// A [`ConnectionManager`] connects again by itself ([when, and what to set](crate#faults)).
    ///
    /// A connection to a cluster is one, too, and compiles here: with it the first log-in fails, for what is one step on a single
    /// server spans two slots. A cluster's store is made by `RedisStore::cluster`.
    #[must_use]
    pub fn new(connection: C) -> Self {
        Self::on(connection, Nodes::One)
    }

    fn on(connection: C, nodes: Nodes) -> Self {
        Self {
            connection,
            nodes,
            prefix: "session:".into(),
            longest: Arc::new(AtomicU64::new(micros(MARK_HOLDS))),
        }
    }

    /// What every key begins with. Default: `session:`. Two layers on one server need two prefixes.
    ///
    /// # Panics
    ///
    /// In a cluster, if its first `{` is followed by `}`: no hash tag counts behind that, and the keys of an owner need one.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<Arc<str>>) -> Self {
        let prefix = prefix.into();
        assert!(
            self.nodes.is_one() || can_have_tag(&prefix),
            "RedisStore: in a cluster the first `{{` of a prefix can't be followed by `}}`: {prefix:?}"
        );
        Self { prefix, ..self }
    }

    pub(crate) fn key(&self, id: SessionId) -> SessionKey {
        SessionKey::new(&self.prefix, id)
    }

    pub(crate) fn owner_keys(&self, owner: &str) -> OwnerKeys {
        OwnerKeys::new(&self.prefix, owner)
    }

    pub(crate) async fn call<T: redis::FromRedisValue>(
        &self,
        script: &script::Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        let answer = script.call(&mut connection, keys, args).await;
        reply::answer(answer)
    }

    /// A plain command, which only reads.
    pub(crate) async fn ask<T: redis::FromRedisValue>(
        &self,
        command: redis::Cmd,
    ) -> Result<T, StoreError> {
        let ask = || async { command.query_async(&mut self.connection.clone()).await };
        reply::answer(read_again(ask).await)
    }

    pub(crate) fn has_seen(&self, lifetime: Lifetime) {
        let absolute = micros(lifetime.absolute);
        self.longest.fetch_max(absolute, Ordering::Relaxed);
    }

    pub(crate) fn mark_holds(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// A cluster's client repeats a command whose connection was cut: with a mark of its own, it counts once.
    pub(crate) fn nonce(&self) -> String {
        if self.nodes.is_one() {
            return String::new();
        }
        let mut mark = crate::keys::hex(SessionId::generate().as_bytes());
        mark.truncate(16);
        mark
    }

    /// The record as stored, unless it is dead by its deadline; the owner's mark is not looked at.
    pub(crate) async fn load_unmarked(&self, id: SessionId) -> Result<Option<Stored>, StoreError> {
        let key = self.key(id);
        let answer = read_again(|| self.read(key.key.as_bytes())).await;
        let (time, hash) = answer.map_err(store_error)?;
        let stored = reply::stored(hash, reply::moment(time)?)?;
        let live = |stored: &Stored| !stored.record.is_expired(stored.record.now());
        Ok(stored.filter(live))
    }

    /// The time and the hash. The time comes first: if anything is done between the two, a record seems younger than
    /// it is, and none seems dead before its time.
    async fn read(&self, key: &[u8]) -> Result<(Value, Value), RedisError> {
        let mut connection = self.connection.clone();
        if !self.nodes.is_one() {
            return script::LOAD.call(&mut connection, &[key], &[]).await;
        }
        // What a script would do, at a fifth of the server's time.
        let mut both = redis::pipe();
        both.cmd("TIME").cmd("HGETALL").arg(key);
        both.query_async(&mut connection).await
    }

    /// Notes a session in its owner's index before it is theirs, where that can't be one step with the commit.
    /// The times of the owner's mark, as `mark` of common.lua finds them.
    pub(crate) async fn enrol_first(
        &self,
        owner: Option<&str>,
        key: &SessionKey,
        lifetime: Option<Lifetime>,
    ) -> Result<[String; 2], StoreError> {
        let Some(owner) = owner.filter(|_| !self.nodes.is_one()) else {
            return Ok(Default::default());
        };
        // Without a renewal nobody knows yet; the commit tells.
        let span = lifetime.map_or(Duration::from_hours(1), |lifetime| lifetime.absolute);
        let span = micros(span).to_string();
        let args = [key.member().as_bytes(), span.as_bytes(), b""];
        self.call(&script::ENROL, &self.owner_keys(owner).both(), &args)
            .await
    }

    /// On a single server the new owner's keys are in reach of the session's own script.
    pub(crate) fn with_owner<'a>(
        &self,
        key: &'a SessionKey,
        owner: Option<&'a OwnerKeys>,
    ) -> Vec<&'a [u8]> {
        let mut keys = vec![key.key.as_bytes()];
        if self.nodes.is_one() {
            keys.extend(owner.iter().flat_map(|owner| owner.both()));
        }
        keys
    }

    /// What the indexes still have to learn. Nobody waits for it: they are advisory.
    pub(crate) fn settle_indexes(&self, id: SessionId, record: &Record, reply: &Reply) {
        if let (Some(owner), Some(till)) = (record.owner(), &reply.till) {
            let (store, owner) = (self.clone(), self.owner_keys(owner));
            let (key, till) = (self.key(id), till.clone());
            tokio::spawn(async move {
                let args = [key.member().as_bytes(), b"", till.as_bytes()];
                // A failure leaves the index as it is: revocation holds by the mark all the same.
                let _: Result<[String; 2], _> =
                    store.call(&script::ENROL, &owner.both(), &args).await;
            });
        }
        if let Some((former, score)) = &reply.former_owner {
            self.heal_later(former, vec![Stale::with(self.key(id).member(), score)]);
        }
    }
}

/// Once more if need be: that does no harm, and a connection that was closed or cut is noticed only now.
async fn read_again<T, F: Future<Output = Result<T, RedisError>>>(
    read: impl Fn() -> F,
) -> Result<T, RedisError> {
    match read().await {
        Err(error) if error.is_unrecoverable_error() => read().await,
        answer => answer,
    }
}

#[cfg(feature = "cluster")]
impl RedisStore<crate::ClusterLinks> {
    /// On a Redis Cluster, over connections that it makes of the application's client: one for each master, made
    /// anew if it hangs ([why, and at what price](crate::ClusterLinks)). An error if none of the client's nodes answers
    /// within ten seconds.
    ///
    /// Each session is in one slot, each owner's index in another; no command spans two.
    ///
    /// ```no_run
    /// # async fn example() -> redis::RedisResult<()> {
    /// use session_redis::RedisStore;
    ///
    /// let client = redis::cluster::ClusterClient::new(vec!["redis://127.0.0.1:7000/"])?;
    /// let store = RedisStore::cluster(client).await?.prefix("shop:session:");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn cluster(client: redis::cluster::ClusterClient) -> redis::RedisResult<Self> {
        let link = crate::ClusterLinks::new(client).await?;
        Ok(Self::on(link.clone(), Nodes::Cluster(link)))
    }
}

impl<C: Connection> SessionStore for RedisStore<C> {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(stored) = self.load_unmarked(id).await? else {
            return Ok(None);
        };
        if let Some(owner) = stored.record.owner() {
            let mark = self.mark(owner).await?;
            if mark.ends(self.key(id).member().as_bytes(), &stored) {
                return Ok(None);
            }
        }
        Ok(Some(stored.record))
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.start(id, new).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        self.apply(id, guard, patch).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        let key = self.key(id);
        let answer: (u8, Vec<u8>) = self
            .call(&script::DELETE, &[key.key.as_bytes()], &[])
            .await?;
        // An owner that is no text has no index.
        if let Some(Ok(owner)) = answer.1.strip_prefix(b"o").map(str::from_utf8) {
            self.heal_later(owner, vec![Stale::with(key.member(), "")]);
        }
        Ok(answer.0 == 1)
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        let (mark, members) = self.members(owner).await?;
        let loads = members.iter().map(|member| {
            let id = id_of(&member.name);
            async move {
                match id {
                    Some(id) => self.load_unmarked(id).await,
                    None => Ok(None),
                }
            }
        });
        let loaded = crate::owner::in_turns(loads).await;
        let (mut found, mut stale) = (Vec::new(), Vec::new());
        for (member, loaded) in members.into_iter().zip(loaded) {
            let theirs = match loaded {
                // One that can't be read is nobody's, and stays where it is (R19).
                Err(error) if error.is_undecodable() => continue,
                loaded => loaded?.filter(|stored| stored.record.owner() == Some(owner)),
            };
            match (id_of(&member.name), theirs) {
                (Some(id), Some(stored)) if !mark.ends(&member.name, &stored) => {
                    found.push((id, stored.record));
                }
                _ => stale.push(Stale::as_seen(member)),
            }
        }
        self.heal_later(owner, stale);
        Ok(found)
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        let keep = keep.map(|id| self.key(id));
        let keep = keep.as_ref().map_or("", SessionKey::member);
        let (at, members) = self.set_mark(owner, keep).await?;
        let is_doomed = |member: &Member| member.name != keep.as_bytes();
        let doomed: Vec<_> = members.into_iter().filter(is_doomed).collect();
        let args = [owner.as_bytes(), &at];
        let deletions = doomed.iter().map(|member| {
            let id = id_of(&member.name);
            async move {
                let Some(id) = id else {
                    return Ok((0, Vec::new()));
                };
                let key = self.key(id);
                self.call::<(u8, Vec<u8>)>(&script::DELETE, &[key.key.as_bytes()], &args)
                    .await
            }
        });
        let answers = crate::owner::in_turns(deletions).await;
        let mut revoked = HashSet::new();
        for (member, answer) in doomed.iter().zip(answers) {
            if answer?.0 == 1 {
                revoked.insert(member.name.clone());
            }
        }
        self.heal_later(owner, doomed.into_iter().map(Stale::as_seen).collect());
        Ok(revoked.len() as u64)
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.prune(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.count_keys().await
    }
}

/// Shows no secret of the connection.
impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}
