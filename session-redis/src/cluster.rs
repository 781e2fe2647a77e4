//! The connections to a Redis Cluster: one for each master, made anew when it hangs.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    io::{self, ErrorKind},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use futures_util::future::try_join_all;
use parking_lot::Mutex;
use redis::{
    Cmd, Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::ConnectionLike,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr},
    cmd,
};
use tokio::time::{Instant, timeout};

/// Where nothing at all was answered for so long, the next call has the connection made anew.
const PATIENCE: Duration = Duration::from_secs(3);
/// Nothing is waited for any longer: neither a connection nor an answer.
const LONGEST: Duration = Duration::from_secs(10);

/// How a store speaks with a Redis Cluster: by a connection of its own for the sessions of each master.
///
/// The client of the `redis` crate (1.8) finds each session's node by itself, also when slots move. But when a
/// master fails while many commands are under way, it may wait for itself for ever: while it looks for the
/// servers anew it lets all its commands rest, and one of those may hold what the search waits for. So the commands of
/// different masters do not share a connection, and one that answers nothing for three seconds is replaced by a new one.
///
/// The price: each of these connections has a socket to every node, and while a master answers nothing, its connection is
/// made anew every few seconds.
///
/// Which slots share a connection is found out at the start, and only then: a cluster whose slots were moved since
/// works as before, but for this protection.
///
/// Clones are the same connections.
#[derive(Clone)]
pub struct ClusterLinks {
    shared: Arc<Shared>,
}

struct Shared {
    client: ClusterClient,
    by_slot: HashMap<Slot, usize>,
    links: Vec<Mutex<Link>>,
}

struct Link {
    connection: ClusterConnection,
    /// When it was first asked since its last answer. Also by a request that gave up, perhaps long ago: so now and then a
    /// connection is made anew that was well.
    asked_at: Option<Instant>,
}

impl Link {
    const fn new(connection: ClusterConnection) -> Self {
        Self {
            connection,
            asked_at: None,
        }
    }
}

/// The slots of a master, in ranges.
pub(crate) type Slots = Vec<RangeInclusive<u16>>;

impl ClusterLinks {
    pub(crate) async fn new(client: ClusterClient) -> RedisResult<Self> {
        in_time(Self::connected(client)).await
    }

    async fn connected(client: ClusterClient) -> RedisResult<Self> {
        let mut first = client.get_async_connection().await?;
        let masters = slots(&cluster_slots().query_async(&mut first).await?);
        let others = (1..masters.len()).map(|_| client.get_async_connection());
        let others = try_join_all(others).await?;
        let connections = std::iter::once(first).chain(others);
        let by_slot = masters.into_iter().enumerate().flat_map(|(at, slots)| {
            let slots = slots.into_iter().flatten().filter_map(Slot::new);
            slots.map(move |slot| (slot, at))
        });
        Ok(Self {
            shared: Arc::new(Shared {
                by_slot: by_slot.collect(),
                links: connections.map(|it| Mutex::new(Link::new(it))).collect(),
                client,
            }),
        })
    }

    /// The slots of each master, as they are now.
    pub(crate) async fn masters(&self) -> RedisResult<Vec<Slots>> {
        let call = async |mut link| cluster_slots().query_async(&mut link).await;
        Ok(slots(&self.ask(None, call).await?))
    }

    /// Sends a command to the master of a slot.
    pub(crate) async fn ask_master(&self, slot: Slot, command: Cmd) -> RedisResult<Value> {
        let node = Route::with_slot(slot, SlotAddr::Master);
        let route = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(node));
        let call = async |mut link: ClusterConnection| link.route_command(command, route).await;
        self.ask(Some(slot), call).await
    }

    /// One call, by the connection of a slot's master.
    async fn ask<T, F: Future<Output = RedisResult<T>>>(
        &self,
        slot: Option<Slot>,
        call: impl FnOnce(ClusterConnection) -> F,
    ) -> RedisResult<T> {
        let at = slot.and_then(|slot| self.shared.by_slot.get(&slot));
        let at = at.copied().unwrap_or(0);
        let answer = in_time(call(self.connection(at))).await;
        // Also an error is an answer, unless it says that there was none.
        if !answer.as_ref().is_err_and(RedisError::is_timeout) {
            self.shared.links[at].lock().asked_at = None;
        }
        answer
    }

    /// The one to ask now.
    fn connection(&self, at: usize) -> ClusterConnection {
        let mut link = self.shared.links[at].lock();
        let asked_at = *link.asked_at.get_or_insert_with(Instant::now);
        if asked_at.elapsed() > PATIENCE {
            // Not again before this try has come to an end.
            link.asked_at = Some(Instant::now() + LONGEST);
            tokio::spawn(self.clone().renew(at));
        }
        link.connection.clone()
    }

    /// For all that are asked from now on. Those that wait for the old one wait on: their commands may have been done.
    async fn renew(self, at: usize) {
        if let Ok(connection) = in_time(self.shared.client.get_async_connection()).await {
            *self.shared.links[at].lock() = Link::new(connection);
        }
    }
}

async fn in_time<T>(work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = |_| Err(io::Error::from(ErrorKind::TimedOut).into());
    timeout(LONGEST, work).await.unwrap_or_else(late)
}

impl ConnectionLike for ClusterLinks {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        if let Some(slot) = slot_of(command) {
            // Also what only reads: a client may be told to let replicas answer that, which lag behind.
            return Box::pin(self.ask_master(slot, command.clone()));
        }
        let call = async |mut link: ClusterConnection| link.req_packed_command(command).await;
        Box::pin(self.ask(None, call))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let call = async move |mut link: ClusterConnection| {
            link.req_packed_commands(commands, offset, count).await
        };
        Box::pin(self.ask(commands.cmd_iter().find_map(slot_of), call))
    }

    fn get_db(&self) -> i64 {
        // A cluster has one.
        0
    }
}

/// Of its key: a script has it behind its hash or text and the number of keys. What has none takes any link.
fn slot_of(command: &Cmd) -> Option<Slot> {
    let mut words = command.args_iter().map(|word| match word {
        redis::Arg::Simple(word) => word,
        _ => b"",
    });
    let is_script = words.next()?.starts_with(b"EVAL");
    let key = words.nth(if is_script { 2 } else { 0 })?;
    Some(Slot::for_key(key))
}

fn cluster_slots() -> Cmd {
    let mut ask = cmd("CLUSTER");
    ask.arg("SLOTS");
    ask
}

/// From an answer of `CLUSTER SLOTS`: ranges with their master and its replicas, each `[address, port, node, …]`.
fn slots(answer: &Value) -> Vec<Slots> {
    let mut masters: Vec<(&[Value], Slots)> = Vec::new();
    for range in answer.as_sequence().unwrap_or_default() {
        let Some([Value::Int(first), Value::Int(last), Value::Array(node), ..]) =
            range.as_sequence()
        else {
            continue;
        };
        let (Ok(first), Ok(last), Some(address)) =
            (u16::try_from(*first), u16::try_from(*last), node.get(..2))
        else {
            continue;
        };
        match masters.iter_mut().find(|(known, _)| *known == address) {
            Some((_, slots)) => slots.push(first..=last),
            None => masters.push((address, vec![first..=last])),
        }
    }
    masters.into_iter().map(|(_, slots)| slots).collect()
}

impl fmt::Debug for ClusterLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterLinks")
            .field("links", &self.shared.links.len())
            .finish_non_exhaustive()
    }
}
