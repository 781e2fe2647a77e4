//! The connections to a Redis Cluster: one for each master, made anew when it hangs.

use std::{collections::HashMap, fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use parking_lot::Mutex;
use redis::{
    Cmd, Pipeline, RedisFuture, RedisResult, Value,
    aio::ConnectionLike,
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr},
    cmd,
};
use tokio::time::{Instant, timeout};

/// Where nothing at all was answered for so long, the next call has the connection made anew.
const PATIENCE: Duration = Duration::from_secs(3);
/// So long may that take.
const CONNECTING: Duration = Duration::from_secs(30);

/// How a store speaks with a Redis Cluster: by a connection of its own for the sessions of each master.
///
/// The client of the `redis` crate (1.8) finds each session's node by itself, also when slots move. But when a
/// master fails while many commands are under way, it may wait for itself for ever: while it looks for the
/// servers anew it lets all its commands rest, and one of those may hold what the search waits for. So the commands of
/// different masters do not share a connection, and one that answers nothing for three seconds is replaced by a new one.
///
/// Which slots share a connection is found out at the start, and only that: a cluster whose slots were moved since then
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
    /// When it was asked first since its last answer.
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
        let answer = cluster_slots().query_async(&mut self.clone()).await?;
        Ok(slots(&answer))
    }

    /// Sends a command to the master of a slot.
    pub(crate) async fn ask_master(&self, slot: u16, command: Cmd) -> RedisResult<Value> {
        let node = Route::new(slot, SlotAddr::Master);
        let route = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(node));
        let asked = self.ask(Slot::new(slot));
        let answer = asked.connection().route_command(command, route).await;
        asked.answered();
        answer
    }

    fn ask(&self, slot: Option<Slot>) -> Asked<'_> {
        let at = slot.and_then(|slot| self.shared.by_slot.get(&slot));
        let (links, at) = (self, at.copied().unwrap_or(0));
        Asked { links, at }
    }

    /// For all that are asked from now on. Those that wait for the old one wait on: their commands may have been done.
    async fn renew(self, at: usize) {
        let connection = self.shared.client.get_async_connection();
        if let Ok(Ok(connection)) = timeout(CONNECTING, connection).await {
            *self.shared.links[at].lock() = Link::new(connection);
        }
    }
}

/// A command on its way by one of the links.
struct Asked<'a> {
    links: &'a ClusterLinks,
    at: usize,
}

impl Asked<'_> {
    /// The one to ask now. Whoever gives up waiting leaves `asked_at` behind.
    fn connection(&self) -> ClusterConnection {
        let mut link = self.links.shared.links[self.at].lock();
        let asked_at = *link.asked_at.get_or_insert_with(Instant::now);
        if asked_at.elapsed() > PATIENCE {
            // Should the new one come to nothing, the next try is as long from now.
            link.asked_at = Some(Instant::now());
            tokio::spawn(self.links.clone().renew(self.at));
        }
        link.connection.clone()
    }

    /// Also an error is an answer.
    fn answered(&self) {
        self.links.shared.links[self.at].lock().asked_at = None;
    }
}

impl ConnectionLike for ClusterLinks {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let asked = self.ask(slot_of(command));
            let answer = asked.connection().req_packed_command(command).await;
            asked.answered();
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let asked = self.ask(commands.cmd_iter().next().and_then(slot_of));
            let mut connection = asked.connection();
            let answer = connection.req_packed_commands(commands, offset, count);
            let answer = answer.await;
            asked.answered();
            answer
        })
    }

    fn get_db(&self) -> i64 {
        // A cluster has one.
        0
    }
}

/// By its key: a script has it behind its hash or text and the number of keys. What has none may go anywhere.
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
