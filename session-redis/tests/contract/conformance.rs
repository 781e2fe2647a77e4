//! The contract of every store, on one server and on one cluster for all its tests: each has a prefix of its own.

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use redis::{aio::ConnectionManager, cmd};
use session_core::{SessionId, conformance::Harness};
use session_redis::{Connection, RedisStore};
use tokio::sync::OnceCell;

use crate::{
    common::hex,
    server::{self, Server},
};

/// Moves every time of a record back, and with them the death of its key.
const SHIFT: &str = "
local function earlier(time)
    return string.format('%.0f', tonumber(time) - tonumber(ARGV[1]))
end
for _, name in ipairs({ 'owner_since', 'confirmed_at' }) do
    local time = redis.call('HGET', KEYS[1], name)
    if time then
        redis.call('HSET', KEYS[1], name, earlier(time))
    end
end
local meta = redis.call('HGET', KEYS[1], 'meta')
local times, others = string.match(meta or '', '^(%d+ %d+ %d+ %d+ %d+)( .*)$')
if times then
    times = string.gsub(times, '%d+', earlier)
    redis.call('HSET', KEYS[1], 'meta', times .. others)
    local expires_at = string.match(times, '%d+$')
    redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(tonumber(expires_at) / 1000)))
end
return 'ok'";

/// The server of `SESSION_TEST_REDIS`, or else one of our own.
async fn single_url() -> Option<String> {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    if let Ok(url) = env::var("SESSION_TEST_REDIS") {
        return Some(url);
    }
    if !server::is_installed() {
        return None;
    }
    let server = SERVER.get_or_init(|| Server::start(&[])).await;
    Some(server.url())
}

/// Unlike that of any other test, also in another process.
fn prefix() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let run = hex(&SessionId::generate().as_bytes()[..4]);
    format!("test:{run}:{number}:")
}

async fn pass<C: Connection>(mut connection: C, prefix: &str, span: Duration) {
    let mut keys = cmd("KEYS");
    keys.arg(format!("{prefix}[0-9a-f]*"));
    let keys: Vec<String> = keys.query_async(&mut connection).await.expect("it answers");
    for key in keys {
        let mut shift = cmd("EVAL");
        shift.arg(SHIFT).arg(1).arg(key);
        shift.arg(u64::try_from(span.as_micros()).expect("short"));
        shift.exec_async(&mut connection).await.expect("it answers");
    }
}

async fn damage<C: Connection>(mut connection: C, prefix: &str, id: SessionId) -> bool {
    let mut write = cmd("HSET");
    write.arg(format!("{prefix}{}", hex(id.as_bytes())));
    write.arg("meta").arg("damaged");
    write.exec_async(&mut connection).await.expect("it answers");
    true
}

struct Single {
    client: redis::Client,
    prefix: String,
}

impl Single {
    async fn connect(&self) -> ConnectionManager {
        server::manager(self.client.clone()).await
    }
}

impl Harness for Single {
    type Store = RedisStore;

    async fn start() -> Option<Self> {
        let client = redis::Client::open(single_url().await?).expect("a URL");
        Some(Self {
            client,
            prefix: prefix(),
        })
    }

    async fn store(&self) -> RedisStore {
        RedisStore::new(self.connect().await).prefix(self.prefix.as_str())
    }

    async fn pass(&self, span: Duration) {
        pass(self.connect().await, &self.prefix, span).await;
    }

    async fn damage(&self, id: SessionId) -> bool {
        damage(self.connect().await, &self.prefix, id).await
    }
}

mod single {
    session_core::conformance!(super::Single);
}

#[cfg(feature = "cluster")]
mod on_cluster {
    use redis::{cluster::ClusterClient, cluster_async::ClusterConnection};
    use session_redis::ClusterLinks;
    use tempfile::TempDir;

    use super::{
        Duration, Harness, OnceCell, RedisStore, SessionId, damage, env, pass, prefix, server,
    };
    use crate::cluster::{Cluster, cluster_client, cluster_connection, cluster_store};

    async fn cluster_urls() -> Option<Vec<String>> {
        static CLUSTER: OnceCell<(Cluster, TempDir)> = OnceCell::const_new();
        if let Ok(urls) = env::var("SESSION_TEST_REDIS_CLUSTER") {
            return Some(urls.split(',').map(str::to_owned).collect());
        }
        if !server::is_installed() {
            return None;
        }
        let start = async || {
            let directory = tempfile::tempdir().expect("a directory");
            (Cluster::start(directory.path()).await, directory)
        };
        Some(CLUSTER.get_or_init(start).await.0.urls())
    }

    struct Clustered {
        client: ClusterClient,
        prefix: String,
    }

    impl Clustered {
        async fn connect(&self) -> ClusterConnection {
            cluster_connection(&self.client).await
        }
    }

    impl Harness for Clustered {
        type Store = RedisStore<ClusterLinks>;

        async fn start() -> Option<Self> {
            Some(Self {
                client: cluster_client(cluster_urls().await?),
                prefix: prefix(),
            })
        }

        async fn store(&self) -> Self::Store {
            cluster_store(&self.client)
                .await
                .prefix(self.prefix.as_str())
        }

        async fn pass(&self, span: Duration) {
            pass(self.connect().await, &self.prefix, span).await;
        }

        async fn damage(&self, id: SessionId) -> bool {
            damage(self.connect().await, &self.prefix, id).await
        }
    }

    session_core::conformance!(Clustered);
}
